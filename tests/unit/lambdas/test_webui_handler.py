"""Handler of the bridge, called by API Gateway and at its own URL, without replicas."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.webui_api import handler as webui_api
from tests.unit.lambdas.harness import Harness, waiting_variables

EVENTS = Path(__file__).parent / "events"
#: Context of a function whose time ends before it can wait.
CONTEXT = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=1024,
    invoked_function_arn="arn",
    aws_request_id="r",
    function_version="1",
    get_remaining_time_in_millis=lambda: 5_100,
)
IDLE = {"progress": 0.0, "eta_relative": 0.0}


@pytest.fixture(autouse=True)
def deployed(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    for variable, value in waiting_variables(harness).items():
        monkeypatch.setenv(variable, value)
    yield harness
    webui_api.function.cache_clear()


def by_gateway(method: str, path: str, body: str | None = None) -> tuple[int, Any, dict[str, list[str]]]:
    event = json.loads((EVENTS / "api_gateway_post.json").read_text())
    answer = webui_api.handler(event | {"httpMethod": method, "path": path, "body": body}, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"]), answer["multiValueHeaders"]


def by_url(method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, Any]:
    event = json.loads((EVENTS / "function_url_post.json").read_text())
    event["requestContext"]["http"]["method"] = method
    answer = webui_api.handler(event | {"rawPath": path, "body": body, "headers": headers}, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def test_calls_by_api_gateway() -> None:
    status, body, headers = by_gateway("GET", "/sdapi/v1/progress")
    assert status == 200
    assert IDLE.items() <= body.items()
    assert headers["Content-Type"] == ["application/json"]
    assert by_gateway("POST", "/sdapi/v1/skip")[:2] == (200, None)
    assert by_gateway("GET", "/sdapi/v1/nope")[:2] == (404, {"detail": "Not Found"})
    assert by_gateway("POST", "/runtimes/dynamic/sdapi/v1/options", "{")[0] == 422


def test_a_call_at_the_url_waits_until_the_functions_end(deployed: Harness) -> None:
    key = {"authorization": "Basic YW55Ym9keTp0aGUta2V5"}
    assert by_url("GET", "/sdapi/v1/progress", **key)[0] == 200
    assert by_url("GET", "/sdapi/v1/progress")[0] == 401
    status, body = by_url("POST", "/sdapi/v1/txt2img", '{"prompt": "a"}', **key)
    assert (status, body["code"]) == (504, "takes_longer")
    assert deployed.record(body["id_task"]).key_name == "shop"


def test_aws_in_trouble_is_said_in_the_web_uis_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASK_TABLE", "no-such-table")
    status, body, headers = by_gateway("GET", "/sdapi/v1/progress")
    assert (status, body["error"], body["code"]) == (503, "HTTPException", "unavailable")
    assert headers["Retry-After"] == ["2"]
