"""Function URLs answer as Lambda's do: payload format 2.0 in, status, headers and body out."""

import asyncio
import base64
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NoReturn

import httpx
import pytest

from local.api_gateway.function_urls import FunctionUrl, function_urls
from local.cloudformation.errors import TemplateError
from local.lambda_runtime.function import PayloadTooLarge
from local.lambda_runtime.runtime_api import InvocationResult
from local.provisioning.provisioner import Provisioned


class FakeFunction:
    def __init__(self, behaviour: Callable[[Any], Any]) -> None:
        self.behaviour = behaviour
        self.definition = SimpleNamespace(handler="lambdas.runpod_api.handler.handler")

    async def invoke(self, event: Any) -> InvocationResult:
        outcome = self.behaviour(event)
        return outcome if isinstance(outcome, InvocationResult) else InvocationResult(json.dumps(outcome).encode())


async def request(behaviour: Callable[[Any], Any], *arguments: str, **options: Any) -> httpx.Response:
    function: Any = FakeFunction(behaviour)
    transport = httpx.ASGITransport(FunctionUrl(function))
    async with httpx.AsyncClient(transport=transport, base_url="http://url.local") as client:
        return await client.request(*arguments, **options)


def echo(event: Any) -> Any:
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(event)}


def test_a_request_becomes_an_event() -> None:
    response = asyncio.run(request(echo, "POST", "/v2/a/run?wait=1&wait=2", json={"a": 1}, headers={"X-Api-Key": "k"}))
    event = response.json()
    assert (event["version"], event["rawPath"], event["rawQueryString"]) == ("2.0", "/v2/a/run", "wait=1&wait=2")
    assert event["queryStringParameters"] == {"wait": "1,2"}
    assert event["headers"]["x-api-key"] == "k"
    assert event["requestContext"]["http"]["method"] == "POST"
    assert json.loads(event["body"]) == {"a": 1}
    assert event["isBase64Encoded"] is False


def test_what_is_no_text_arrives_as_base64_and_nothing_as_nothing() -> None:
    event = asyncio.run(request(echo, "POST", "/", content=b"\xff\x00", headers={"content-type": "image/png"})).json()
    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (b"\xff\x00", True)
    event = asyncio.run(request(echo, "GET", "/")).json()
    assert "body" not in event
    assert "queryStringParameters" not in event


def test_status_headers_and_bytes_come_out() -> None:
    answer = {"statusCode": 404, "headers": {"X-A": "b"}, "body": "AAE=", "isBase64Encoded": True}
    response = asyncio.run(request(lambda _: answer, "GET", "/"))
    assert (response.status_code, response.headers["x-a"], response.content) == (404, "b", b"\x00\x01")


def too_large(_: Any) -> NoReturn:
    raise PayloadTooLarge("the event has too many bytes")


@pytest.mark.parametrize(
    ("behaviour", "status"), [(lambda _: InvocationResult(b'{"errorType": "E"}', is_error=True), 502), (too_large, 413)]
)
def test_a_function_that_cannot_answer(behaviour: Callable[[Any], Any], status: int) -> None:
    assert asyncio.run(request(behaviour, "GET", "/")).status_code == status


def url(auth_type: str) -> Any:
    properties = {"AuthType": auth_type, "TargetFunctionArn": "arn:f"}
    return SimpleNamespace(resource=SimpleNamespace(place="Api/Url", properties=properties))


def test_urls_are_found_by_the_folder_of_their_function() -> None:
    functions: Any = SimpleNamespace(find=lambda _: FakeFunction(echo))
    found = function_urls(Provisioned(emulated={"AWS::Lambda::Url": [url("NONE")]}), functions)
    assert list(found) == ["runpod_api"]
    with pytest.raises(TemplateError, match="auth type NONE, not AWS_IAM"):
        function_urls(Provisioned(emulated={"AWS::Lambda::Url": [url("AWS_IAM")]}), functions)
