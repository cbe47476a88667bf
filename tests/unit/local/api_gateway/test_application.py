import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.api_gateway.application import MAX_BODY_BYTES, Gateway
from local.api_gateway.gateway_responses import GatewayResponses
from local.api_gateway.rest_api import AuthorizerFunction, Key, Limit, Method, RestApi
from local.api_gateway.usage_plans import UsagePlans
from local.lambda_runtime.function import PayloadTooLarge
from local.lambda_runtime.runtime_api import InvocationResult


class FakeFunction:
    def __init__(self, behaviour: Callable[[Any], Any]) -> None:
        self.behaviour = behaviour
        self.events: list[Any] = []

    async def invoke(self, event: Any) -> InvocationResult:
        self.events.append(event)
        outcome = self.behaviour(event)
        if asyncio.iscoroutine(outcome):
            outcome = await outcome
        return outcome if isinstance(outcome, InvocationResult) else InvocationResult(json.dumps(outcome).encode())


class FakeFunctions(dict[str, FakeFunction]):
    def find(self, arn: str) -> FakeFunction:
        return self[arn]


def authorize(event: Any) -> Any:
    if event["headers"].get("x-api-key") == "wrong":
        return InvocationResult(b'{"errorMessage": "Unauthorized"}', is_error=True)
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    return {
        "principalId": "default",
        "policyDocument": {"Statement": [statement]},
        "usageIdentifierKey": event["headers"].get("x-api-key"),
    }


def answer_well(event: Any) -> Any:
    return {"statusCode": 200, "body": "well"}


ASKED_EACH_TIME = AuthorizerFunction("arn:a")
KEPT = AuthorizerFunction("arn:a", "x-api-key", 60)


def gateway(
    behaviour: Callable[[Any], Any] = answer_well,
    *,
    timeout_seconds: float = 29,
    binary: tuple[str, ...] = (),
    authorizer: AuthorizerFunction = ASKED_EACH_TIME,
    now: Callable[[], float] = lambda: 0.0,
    compressed_from_bytes: int | None = None,
) -> tuple[Gateway, FakeFunctions]:
    functions = FakeFunctions({"arn:a": FakeFunction(authorize), "arn:f": FakeFunction(behaviour)})
    api = RestApi(
        api_id="api",
        stage="stage",
        region="us-east-1",
        key_from_authorizer=True,
        binary_media_types=binary,
        compressed_from_bytes=compressed_from_bytes,
        methods=(Method("ANY", "r1", "/tasks/{id}", "arn:f", timeout_seconds, authorizer, needs_key=True),),
        keys=(Key("key-id", "right", Limit(1, 2, None)),),
        responses=GatewayResponses({}),
    )
    usage_plans = UsagePlans(api.keys, now=lambda: 0.0)
    finder: Any = functions
    return Gateway(api, functions=finder, usage_plans=usage_plans, now=now), functions


def send(application: Gateway, method: str = "GET", path: str = "/tasks/7", **options: Any) -> httpx.Response:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(application, client=("192.0.2.7", 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://host:8080") as client:
            return await client.request(
                method, path, headers={"x-api-key": "right"} | options.pop("headers", {}), **options
            )

    return asyncio.run(request())


def test_a_request_becomes_a_proxy_event() -> None:
    application, functions = gateway()
    response = send(
        application,
        "POST",
        "/tasks/a%20b?x=1&x=2&y=%2F",
        content=b"body \xc3\xa4",
        headers={"user-agent": "test", "content-type": "text/plain"},
    )
    assert (response.status_code, response.text) == (200, "well")
    (event,) = functions["arn:f"].events
    assert event["resource"] == "/tasks/{id}"
    assert event["path"] == "/tasks/a b"
    assert event["httpMethod"] == "POST"
    assert event["pathParameters"] == {"id": "a b"}
    assert event["queryStringParameters"] == {"x": "2", "y": "/"}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"], "y": ["/"]}
    assert event["headers"]["x-api-key"] == "right"
    assert event["multiValueHeaders"]["user-agent"] == ["test"]
    assert event["headers"]["X-Forwarded-For"] == "192.0.2.7"
    assert event["stageVariables"] is None
    assert (event["body"], event["isBase64Encoded"]) == ("body ä", False)
    context = event["requestContext"]
    assert context["authorizer"] == {"principalId": "default"}
    assert context["identity"]["apiKeyId"] == "key-id"
    assert context["identity"]["sourceIp"] == "192.0.2.7"
    assert context["requestId"] == response.headers["x-amzn-requestid"]
    assert (context["stage"], context["apiId"], context["resourcePath"]) == ("stage", "api", "/tasks/{id}")


def test_the_authorizer_sees_the_request_without_its_body() -> None:
    application, functions = gateway()
    send(application, "DELETE", content=b"secret")
    (event,) = functions["arn:a"].events
    assert event["type"] == "REQUEST"
    assert event["methodArn"] == "arn:aws:execute-api:us-east-1:123456789012:api/stage/DELETE/tasks/7"
    assert "body" not in event


def test_an_authorizers_answer_is_kept_for_its_key_and_time() -> None:
    clock = [0.0]
    application, functions = gateway(authorizer=KEPT, now=lambda: clock[0])
    for seconds, calls in ((0.0, 1), (59.0, 1), (60.0, 2)):
        clock[0] = seconds
        send(application)
        assert len(functions["arn:a"].events) == calls
    # Errors are not kept.
    for calls in (3, 4):
        assert send(application, headers={"x-api-key": "wrong"}).status_code == 401
        assert len(functions["arn:a"].events) == calls


def test_a_request_without_the_header_of_its_key_calls_no_function() -> None:
    application, functions = gateway(authorizer=KEPT)
    assert send(application, headers={"x-api-key": "", "authorization": "right"}).status_code == 401
    assert not functions["arn:a"].events


def test_an_absent_body_and_absent_parameters_are_null() -> None:
    application, functions = gateway()
    send(application)
    (event,) = functions["arn:f"].events
    assert event["body"] is None
    assert event["queryStringParameters"] is None


def test_a_binary_body_travels_as_base64() -> None:
    application, functions = gateway(binary=("image/png",))
    send(application, "POST", content=b"\x89PNG", headers={"content-type": "image/png; x=y"})
    (event,) = functions["arn:f"].events
    assert event["isBase64Encoded"]
    assert base64.b64decode(event["body"]) == b"\x89PNG"


def test_too_many_requests() -> None:
    application, functions = gateway()
    assert [send(application).status_code for _ in range(3)] == [200, 200, 429]
    assert len(functions["arn:f"].events) == 2


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"path": "/nowhere"}, 403),
        ({"headers": {"x-api-key": "wrong"}}, 401),
        ({"headers": {"x-api-key": "unknown"}}, 403),
        ({"content": b"x" * (MAX_BODY_BYTES + 1), "method": "POST"}, 413),
    ],
)
def test_what_never_reaches_the_function(options: dict[str, Any], status: int) -> None:
    application, functions = gateway()
    assert send(application, **options).status_code == status
    assert functions["arn:f"].events == []


def too_large(event: Any) -> Any:
    raise PayloadTooLarge("6 MB")


def fail(event: Any) -> Any:
    return InvocationResult(b'{"errorMessage": "no"}', is_error=True)


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [(too_large, 413), (fail, 502), (lambda event: {"body": "no status"}, 502), (lambda event: asyncio.sleep(9), 504)],
)
def test_what_the_function_does_not_answer(behaviour: Callable[[Any], Any], status: int) -> None:
    application, _ = gateway(behaviour, timeout_seconds=0.05)
    response = send(application)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert "message" in response.json()


@pytest.mark.parametrize(
    ("accepted", "size", "encoding"),
    [("gzip, deflate", 1024, "gzip"), ("br, GZIP;q=0.5", 2000, "gzip"), ("gzip", 1023, None), ("identity", 2000, None)],
)
def test_a_large_response_is_compressed_for_a_caller_who_accepts_it(
    accepted: str, size: int, encoding: str | None
) -> None:
    application, _ = gateway(lambda _: {"statusCode": 200, "body": "a" * size}, compressed_from_bytes=1024)
    response = send(application, headers={"x-api-key": "right", "accept-encoding": accepted})
    assert (response.text, response.headers.get("content-encoding")) == ("a" * size, encoding)
