"""Saved state, against a real AWS server: all of it comes back, deletions too."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from local.aws.clients import LocalAwsClients
from local.kept_state import KeptState
from local.provisioning.storage import location
from tests.harness.aws_endpoint import serve_aws

TABLE = "tasks"


@pytest.fixture(params=["us-east-1", "eu-central-1"])
def clients(request: pytest.FixtureRequest) -> Iterator[LocalAwsClients]:
    with serve_aws() as url:
        yield LocalAwsClients(endpoint_url=url, region=request.param)
        # The servers of one process share their state.
        requests.post(f"{url}/moto-api/reset", timeout=30).raise_for_status()


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
    s3.create_bucket(Bucket="mine", **location(clients.region))
    key = "a b/ä" + "x" * 300
    s3.put_object(Bucket="mine", Key=key, Body=b"\x00\xff", ContentType="image/png", Metadata={"seed": "7"})
    s3.put_object(Bucket="mine", Key="gone", Body=b"")
    final = {"id": {"S": "b"}, "status": {"S": "COMPLETED"}, "body": {"B": b"\x00"}, "due_at_ms": {"N": "9"}}
    waiting = {"id": {"S": "a"}, "status": {"S": "IN_QUEUE"}, "due_at_ms": {"N": "99999999999999"}}
    waiting["published_at_ms"] = {"N": "1"}
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
    assert "published_at_ms" not in items["a"], "the reaper publishes it once"


def test_a_save_that_goes_on_and_the_last_one_do_not_collide(
    clients: LocalAwsClients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = clients("s3")
    make_table(clients)
    s3.create_bucket(Bucket="mine", **location(clients.region))
    s3.put_object(Bucket="mine", Key="a", Body=b"content")
    read = s3.get_object

    def read_slowly(**arguments: Any) -> dict[str, Any]:
        stored = read(**arguments)

        def chunks(_: int) -> Iterator[bytes]:
            time.sleep(0.3)
            yield stored["Body"].read()

        return {**stored, "Body": SimpleNamespace(iter_chunks=chunks)}

    monkeypatch.setattr(s3, "get_object", read_slowly)
    state = kept(tmp_path, clients)
    with ThreadPoolExecutor(2) as threads:
        for save in [threads.submit(state.save) for _ in range(2)]:
            save.result()
    # Other tests of the process may have left objects, because its servers share their state.
    assert b"content" in [saved.read_bytes() for saved in (tmp_path / "objects").glob("*.data")]


def test_a_disk_that_cannot_be_written_ends_nothing(
    clients: LocalAwsClients, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_table(clients)
    clients("s3").create_bucket(Bucket="mine", **location(clients.region))
    clients("s3").put_object(Bucket="mine", Key="a", Body=b"")
    state = kept(tmp_path, clients)
    shutil.rmtree(tmp_path / "objects")
    asyncio.run(state.save_if_possible())
    assert "the state was not saved: [Errno 2] No such file or directory" in caplog.text
