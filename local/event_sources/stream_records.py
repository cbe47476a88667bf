"""Records of a DynamoDB stream in the shape in which Lambda hands them to functions."""

import base64
from datetime import datetime
from typing import Any


def stream_record(record: dict[str, Any], stream_arn: str) -> dict[str, Any]:
    """Return a record as it came from GetRecords in the shape of a function's event."""
    change = {key: _plain(value) for key, value in record["dynamodb"].items()}
    return {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": record.get("eventVersion", "1.1"),
        "eventSource": "aws:dynamodb",
        "awsRegion": stream_arn.split(":")[3],
        "dynamodb": change,
        "eventSourceARN": stream_arn,
    }


def sequence_number(record: dict[str, Any]) -> str:
    """Return what identifies a record within its shard."""
    number: str = record["dynamodb"]["SequenceNumber"]
    return number


def _plain(value: Any) -> Any:
    """Return `value` as JSON has it: times as seconds since 1970, bytes as base64."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
