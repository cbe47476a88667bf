"""Function URL: the same responses as behind API Gateway, and a refusal without a key."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aws_lambda_powertools.event_handler import Response

from contract.errors import TaskNotFound
from contract.tenancy import Tenancy
from lambdas.authorize.authorizer import Authorizer, SecretsUnreadable
from lambdas.http.application import HttpApplication
from lambdas.http.function_url import DEADLINE, GATEWAY_RESPONSE_SECONDS, HttpFunction
from lambdas.http.responses import json_response

EVENTS = Path(__file__).parent / "events"
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 300_000)


def event(name: str, **changes: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded | changes


def function(read_secret: Callable[[str], str] = lambda _: "the-key") -> HttpFunction:
    application = HttpApplication(origins=(), tenancy=Tenancy())

    @application.post("/echo")
    def echo() -> Response[Any]:
        event = application.current_event
        return json_response(
            {
                "body": event.decoded_body,
                "wait": event.get_query_string_value("wait"),
                "key": event.request_context.authorizer.principal_id,
                "request": event.request_context.request_id,
                "seconds": application.context[DEADLINE] - time.monotonic(),
            }
        )

    @application.get("/missing")
    def missing() -> Response[Any]:
        raise TaskNotFound("there is no such task")

    return HttpFunction(application=application, authorizer=Authorizer(names=["shop"], read_secret=read_secret))


def unreadable(name: str) -> str:
    raise SecretsUnreadable


def call(event_: dict[str, Any], **options: Any) -> tuple[int, Any, Mapping[str, str]]:
    response = function(**options).resolve(event_, CONTEXT)
    assert "multiValueHeaders" not in response
    return response["statusCode"], json.loads(response["body"]), response["headers"]


@pytest.mark.parametrize(
    "changes", [{}, {"body": base64.b64encode(b'{"a": 1}').decode(), "isBase64Encoded": True}], ids=["text", "base64"]
)
def test_a_route_cannot_tell_the_difference(changes: dict[str, Any]) -> None:
    status, body, headers = call(event("function_url_post", **changes))
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert body.pop("seconds") == pytest.approx(295, abs=5)
    assert body == {
        "body": '{"a": 1}',
        "wait": "1000",
        "key": "shop",
        "request": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    }


def test_behind_api_gateway_there_is_less_time_and_the_authorizer_has_spoken() -> None:
    response = function(unreadable).resolve(event("api_gateway_post", path="/echo"), CONTEXT)
    body = json.loads(response["body"])
    assert body["seconds"] < 29
    assert body["key"] == "default"


def test_a_cold_start_uses_part_of_the_time_behind_api_gateway() -> None:
    request = event("api_gateway_post", path="/echo")
    request["requestContext"]["requestTimeEpoch"] = (time.time() - 10) * 1000
    body = json.loads(function().resolve(request, CONTEXT)["body"])
    assert body["seconds"] <= GATEWAY_RESPONSE_SECONDS - 10


@pytest.mark.parametrize("headers", [None, {}, {"authorization": "Bearer wrong"}, {"x-api-key": ""}])
def test_nobody_gets_in_without_a_key(headers: dict[str, str] | None) -> None:
    status, body, _ = call(event("function_url_post", headers=headers))
    assert (status, body["error"]["code"]) == (401, "unauthorized")


def test_every_form_of_the_key_is_taken() -> None:
    for headers in ({"x-api-key": "the-key"}, {"authorization": "the-key"}, {"authorization": "bearer the-key"}):
        assert call(event("function_url_post", headers=headers))[0] == 200


def test_keys_that_cannot_be_read_let_nobody_in() -> None:
    status, body, headers = call(event("function_url_post"), read_secret=unreadable)
    assert (status, body["error"]["code"], headers["Retry-After"]) == (503, "unavailable", "2")


def test_errors_have_their_status_there_too() -> None:
    request = event("function_url_post", rawPath="/missing", queryStringParameters=None, body=None)
    request["requestContext"]["http"]["method"] = "GET"
    status, body, _ = call(request)
    assert (status, body["error"]["code"]) == (404, "task_not_found")
