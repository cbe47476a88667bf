"""Corrections of moto: what AWS does otherwise, where the journey of a task depends on it.

`tests/emulators` compares them with AWS's documents.
"""

import base64
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Final
from xml.sax.saxutils import escape

from botocore.model import StructureShape
from moto.cloudwatch.models import CloudWatchBackend, MetricDatumBase, Statistics
from moto.core.serialize import BaseJSONSerializer
from moto.core.utils import unix_time
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import StreamShard
from moto.dynamodbstreams.responses import DynamoDBStreamsHandler
from moto.s3.responses import S3Response
from moto.sqs.exceptions import SQSException
from moto.sqs.models import Message, SQSBackend

#: Records of one read of a stream without a limit (DynamoDB, GetRecords).
_MAX_RECORDS: Final = 1000
S3Answer = tuple[int, dict[str, str], str]

_add_stream_record: Final = StreamShard.add
_change_visibility: Final = SQSBackend.change_message_visibility
_serialize_structure: Final = BaseJSONSerializer._serialize_type_structure  # noqa: SLF001 - moto has no other place for it
_project: Final = Item.project
_post_object: Final = S3Response._bucket_response_post  # noqa: SLF001 - as above


def correct_moto() -> None:
    """Apply all corrections to this process."""
    SQSBackend.is_message_valid_based_on_retention_period = is_retained
    SQSBackend.change_message_visibility = change_visibility_in_flight
    StreamShard.add = add_change
    DynamoDBStreamsHandler.get_records = read_records
    BaseJSONSerializer._serialize_type_structure = serialize_structure  # noqa: SLF001 - as above
    Item.project = project_item
    S3Response._bucket_response_post = post_allowed_object  # noqa: SLF001 - as above
    CloudWatchBackend.get_metric_data = read_metrics


def is_retained(backend: SQSBackend, queue_name: str, message: Message) -> bool:
    """Return True if a message's retention period has not passed.

    For each message that it returns, moto counts all messages of the queue twelve times. With 300 waiting tasks that
    was half of the time in which this server worked.
    """
    queue = backend.get_queue(queue_name)
    return bool(queue.message_retention_period + message.sent_timestamp / 1000 > unix_time())


def read_records(handler: DynamoDBStreamsHandler) -> str:
    """Return the records of a stream as JSON, the form in which moto holds them.

    moto's serializer looks up each attribute of each record by ten possible names. During a burst of tasks that was
    half of the time in which this server worked.
    """
    iterator, limit = handler._get_param("ShardIterator"), handler._get_param("Limit") or _MAX_RECORDS  # noqa: SLF001 - moto has no public way
    return json.dumps(handler.backend.get_records(iterator, limit), default=_as_json)


@wraps(CloudWatchBackend.get_metric_data)
def read_metrics(
    backend: CloudWatchBackend,
    queries: Sequence[Mapping[str, Any]],
    start_time: datetime,
    end_time: datetime,
    scan_by: str,
) -> list[dict[str, Any]]:
    """Return the values of metrics. Queries with expressions, which Darkroom does not send, are unknown.

    moto looks through the data of all metrics for each period of each query. After 250 tasks it needed
    five seconds for the day that a fleet shows, and its caller gave up.
    """
    data: dict[Any, list[MetricDatumBase]] = defaultdict(list)
    for datum in backend.get_all_metrics():
        if start_time <= datum.timestamp < end_time:
            dimensions = frozenset((each.name, each.value) for each in datum.dimensions)
            data[datum.namespace, datum.name, dimensions].append(datum)
    results = []
    for query in queries:
        metric, statistic = query["MetricStat"]["Metric"], query["MetricStat"]["Stat"]
        dimensions = frozenset((each["Name"], each["Value"]) for each in metric.get("Dimensions", ()))
        period = timedelta(seconds=query["MetricStat"]["Period"])
        periods: dict[int, list[MetricDatumBase]] = defaultdict(list)
        for datum in data.get((metric["Namespace"], metric["MetricName"], dimensions), ()):
            periods[(datum.timestamp - start_time) // period].append(datum)
        numbers = sorted(periods, reverse=scan_by == "TimestampDescending")
        results.append(
            {
                "id": query["Id"],
                "label": f"{metric['MetricName']} {statistic}",
                "values": [_statistic(statistic, periods[number]) for number in numbers],
                "timestamps": [start_time + number * period for number in numbers],
                "status_code": "Complete",
            }
        )
    return results


def _statistic(name: str, data: list[MetricDatumBase]) -> Any:
    statistics = Statistics([name], data[0].timestamp)
    statistics.metric_data = data
    return statistics.get_statistics_for_type(name)


def _as_json(value: Any) -> object:
    match value:
        case datetime():
            return unix_time(value)
        case bytes():
            return base64.b64encode(value).decode()
    return value.to_json()


@wraps(_serialize_structure)
def serialize_structure(
    serializer: BaseJSONSerializer, serialized: dict[str, Any], value: Any, shape: StructureShape, key: str
) -> None:
    """Serialize a structure; of a value of DynamoDB only the one type that it has.

    moto looks up each of the ten types of each attribute by several names.
    """
    if shape.name != "AttributeValue" or not isinstance(value, dict):
        _serialize_structure(serializer, serialized, value, shape, key)
        return
    ((kind, content),) = value.items()
    serialized[key] = {}
    serializer._serialize(serialized[key], content, shape.members[kind], kind)  # noqa: SLF001 - as above


@wraps(_change_visibility)
def change_visibility_in_flight(
    backend: SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int
) -> None:
    """Refuse a message that is visible again, because another consumer may receive it at any time."""
    messages = backend.get_queue(queue_name)._messages  # noqa: SLF001 - moto's method reads them as well
    if any(message.visible and message.had_receipt_handle(receipt_handle) for message in messages):
        raise SQSException("AWS.SimpleQueueService.MessageNotInflight", "The specified message isn't in flight.")
    _change_visibility(backend, queue_name, receipt_handle, visibility_timeout)


@wraps(_add_stream_record)
def add_change(shard: StreamShard, old: Item | None, new: Item | None) -> None:
    """Add a record to a stream, unless its table has disabled it or the write has left the item as it was."""
    is_enabled = (shard.table.stream_specification or {}).get("StreamEnabled")
    if not is_enabled:
        return
    if old is None or new is None or old.to_json() != new.to_json():
        _add_stream_record(shard, old, new)


@wraps(_project)
def project_item(item: Item, paths: list[list[str]]) -> Item:
    """Return an item with some of its attributes.

    moto turns the whole item into JSON for each of them. While tasks were listed, that was a fifth of the time in
    which this server worked.
    """
    if any(len(path) > 1 or path[0].endswith("]") for path in paths):
        return _project(item, paths)
    attributes = {name: item.attrs[name] for (name,) in paths if name in item.attrs}
    return Item(hash_key=item.hash_key, range_key=item.range_key, attrs=attributes)


@wraps(_post_object)
def post_allowed_object(response: S3Response, request: Any, bucket_name: str) -> Any:
    """Store an object of an HTML form if the policy of the form allows it."""
    fields = {name.lower(): values[0] for name, values in response.querystring.items()} | {"bucket": bucket_name}
    refused = _refused(fields, size=len(response.body)) if "policy" in fields else None
    return refused or _post_object(response, request, bucket_name)


def _refused(fields: dict[str, str], *, size: int) -> S3Answer | None:
    for condition in json.loads(base64.b64decode(fields["policy"]))["conditions"]:
        match condition:
            case ["content-length-range", least, most]:
                if size > int(most):
                    return _error(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
                if size < int(least):
                    return _error(
                        400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size"
                    )
                continue
            case ["starts-with", str(name), str(expected)]:
                is_met = fields.get(name.lstrip("$").lower(), "").startswith(expected)
            case ["eq", str(name), expected]:
                is_met = fields.get(name.lstrip("$").lower()) == expected
            case _:
                ((name, expected),) = condition.items()
                is_met = fields.get(name.lower()) == expected
        if not is_met:
            return _error(403, "AccessDenied", f"Invalid according to Policy: Policy Condition failed: {condition}")
    return None


def _error(status: int, code: str, message: str) -> S3Answer:
    text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return status, {"Content-Type": "application/xml"}, text
