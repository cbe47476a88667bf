"""Streams of the local AWS: boto3 reads the items of every type as they were written."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import boto3
import pytest

from tests.harness.aws_endpoint import serve_aws

TABLE: Final = "streamed"
#: One attribute of each type of DynamoDB.
ITEM: Final[Mapping[str, Any]] = {
    "id": {"S": "ä"},
    "number": {"N": "1.5"},
    "bytes": {"B": b"\x00\xff"},
    "yes": {"BOOL": True},
    "nothing": {"NULL": True},
    "list": {"L": [{"S": "a"}, {"M": {"deep": {"N": "1"}}}]},
    "texts": {"SS": ["a", "b"]},
}


@pytest.fixture
def clients() -> Iterator[tuple[Any, Any]]:
    """Clients of tables and of streams."""
    session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1")
    with serve_aws() as url:
        yield session.client("dynamodb", endpoint_url=url), session.client("dynamodbstreams", endpoint_url=url)


def test_a_stream_holds_the_items_as_they_were_written(clients: tuple[Any, Any]) -> None:
    tables, streams = clients
    stream = tables.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]["LatestStreamArn"]
    tables.put_item(TableName=TABLE, Item=ITEM)
    tables.delete_item(TableName=TABLE, Key={"id": ITEM["id"]})
    (shard,) = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    place = {"StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = streams.get_shard_iterator(**place)["ShardIterator"]

    read = streams.get_records(ShardIterator=iterator, Limit=1)
    (written,) = read["Records"]
    (removed,) = streams.get_records(ShardIterator=read["NextShardIterator"])["Records"]

    assert [written["eventName"], removed["eventName"]] == ["INSERT", "REMOVE"]
    assert written["dynamodb"]["NewImage"] == removed["dynamodb"]["OldImage"] == ITEM
    assert written["dynamodb"]["Keys"] == {"id": ITEM["id"]}
    assert abs((datetime.now(UTC) - written["dynamodb"]["ApproximateCreationDateTime"]).total_seconds()) < 3600
    assert int(removed["dynamodb"]["SequenceNumber"]) > int(written["dynamodb"]["SequenceNumber"])
