"""Reads of items: keys too long for DynamoDB, repeated keys, keys without an item, and keys that it leaves out."""

from typing import Any

import pytest
from moto import mock_aws

from task_store.table import MAX_KEY_BYTES, TableClient
from tests.unit.lambdas.harness import create_table, dynamodb_client


def test_a_key_that_was_not_read_is_missing_and_one_without_an_item_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    client: Any = dynamodb_client()
    with mock_aws():
        create_table(client)
        for key in ("a", "b"):
            client.put_item(TableName="tasks", Item={"id": key, "run": "1a2b", "status": "IN_QUEUE"})

        table = TableClient(client=client, table_name="tasks")
        found = table._items(["a", "a", "c"], ProjectionExpression="id, run")
        assert found == {"a": {"id": "a", "run": "1a2b"}, "c": {}}

        answer = client.batch_get_item
        # moto leaves out no key.
        monkeypatch.setattr(
            client,
            "batch_get_item",
            lambda **request: (
                answer(**request) | {"Responses": {"tasks": []}, "UnprocessedKeys": {"tasks": {"Keys": [{"id": "b"}]}}}
            ),
        )
        assert table._items(["a", "b"]) == {"a": {}}


@pytest.mark.parametrize(
    "key", ["a" * (MAX_KEY_BYTES + 1), "ü" * (MAX_KEY_BYTES // 2 + 1)], ids=["of one byte each", "of two bytes each"]
)
def test_a_key_that_dynamodb_would_refuse_has_no_item(key: str) -> None:
    # moto accepts the key, so a client fails here that is called at all.
    table = TableClient(client=None, table_name="tasks")
    assert table._item(key) is None
