"""Saved state, against a real AWS server: all of it comes back, deletions too."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.aws.clients import LocalAwsClients
from local.kept_state import KeptState
from tests.harness.aws_endpoint import serve_aws

TABLE = "tasks"


@pytest.fixture
def clients() -> Iterator[LocalAwsClients]:
    with serve_aws() as url:
        yield LocalAwsClients(endpoint_url=url, region="us-east-1")


def kept(folder: Path, clients: LocalAwsClients) -> KeptState:
    return KeptState(folder, clients=clients, table=TABLE)


def make_table(clients: LocalAwsClients) -> None:
    clients("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def test_objects_and_records_come_back(clients: LocalAwsClients, tmp_path: Path) -> None:
    s3, dynamodb = clients("s3"), clients("dynamodb")
    make_table(clients)
    s3.create_bucket(Bucket="mine")
    key = "a b/ä" + "x" * 300
    s3.put_object(Bucket="mine", Key=key, Body=b"\x00\xff", ContentType="image/png", Metadata={"seed": "7"})
    s3.put_object(Bucket="mine", Key="gone", Body=b"")
    final = {"id": {"S": "b"}, "status": {"S": "COMPLETED"}, "body": {"B": b"\x00"}, "due_at_ms": {"N": "9"}}
    waiting = {"id": {"S": "a"}, "status": {"S": "IN_QUEUE"}, "due_at_ms": {"N": "99999999999999"}}
    for item in (final, waiting, {"id": {"S": "replica/1"}}):
        dynamodb.put_item(TableName=TABLE, Item=item)
    state = kept(tmp_path, clients)
    state.save()
    s3.delete_object(Bucket="mine", Key="gone")
    state.save()

    s3.delete_object(Bucket="mine", Key=key)
    s3.delete_bucket(Bucket="mine")
    dynamodb.delete_table(TableName=TABLE)
    make_table(clients)

    assert kept(tmp_path, clients).restore() == 2
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket="mine")["Contents"]] == [key]
    stored = s3.get_object(Bucket="mine", Key=key)
    assert (stored["Body"].read(), stored["ContentType"], stored["Metadata"]) == (
        b"\x00\xff",
        "image/png",
        {"seed": "7"},
    )
    items = {item["id"]["S"]: item for item in dynamodb.scan(TableName=TABLE)["Items"]}
    assert items.keys() == {"a", "b"}
    assert items["b"] == final
    assert int(items["a"]["due_at_ms"]["N"]) < 99999999999999, "the reaper publishes it again at once"
