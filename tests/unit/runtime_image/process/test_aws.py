"""Clients of AWS, whose answers may break off."""

import io
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import IncompleteReadError

from runtime_image.process.aws import AwsClients
from runtime_image.process.clock import AwsClock

ANSWER = b'{"Item": {"id": {"S": "cat"}}}'


class Raw(io.BytesIO):
    """The body of an answer, as urllib3 has it."""

    def stream(self, **_: object) -> list[bytes]:
        return [self.read()]


def read_item(content: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """Return what the client makes of an answer that has come so far."""
    table = AwsClients(clock=AwsClock()).table

    def answer(**_: object) -> Any:
        return AWSResponse("https://dynamodb", 200, HTTPHeaders.from_pairs(headers.items()), Raw(content))

    table.meta.events.register("before-send.dynamodb.GetItem", answer)
    return dict(table.get_item(TableName="tasks", Key={"id": "cat"}))


def test_a_record_of_which_a_half_arrives_does_not_count_as_missing() -> None:
    length = {"Content-Length": str(len(ANSWER))}
    with pytest.raises(IncompleteReadError):
        read_item(ANSWER[:15], length)
    for headers in (length, {}):
        assert read_item(ANSWER, headers)["Item"] == {"id": "cat"}
