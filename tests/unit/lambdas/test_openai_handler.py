"""Handler of OpenAI's API at its own URL: keys, limits and refusals in OpenAI's form, without replicas."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.openai_api import handler as openai_api
from tests.unit.lambdas.harness import Harness, waiting_variables

EVENT = json.loads((Path(__file__).parent / "events" / "function_url_post.json").read_text())
#: Context of a function whose time ends before it can wait.
CONTEXT = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=1024,
    invoked_function_arn="arn",
    aws_request_id="r",
    function_version="1",
    get_remaining_time_in_millis=lambda: 5_100,
)


@pytest.fixture(autouse=True)
def _deployed(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable, value in (waiting_variables(harness) | {"ACTIVE_TASKS_PER_KEY": "1"}).items():
        monkeypatch.setenv(variable, value)
    yield
    openai_api.function.cache_clear()


def call(path: str, body: Any = None, key: str = "the-key") -> tuple[int, dict[str, Any], Mapping[str, str]]:
    http = EVENT["requestContext"]["http"] | {"method": "GET" if body is None else "POST"}
    changed = {"rawPath": path, "body": json.dumps(body), "headers": {"authorization": f"Bearer {key}"}}
    answer = openai_api.handler(EVENT | changed | {"requestContext": EVENT["requestContext"] | {"http": http}}, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def test_the_second_task_of_a_key_is_refused_with_the_headers_of_its_limit() -> None:
    status, first, headers = call("/v1/images/generations", {"prompt": "A dog"})
    limits = {name: headers[name] for name in headers if name.startswith("x-ratelimit")}
    assert (status, first["error"]["code"]) == (504, "takes_longer")
    assert limits == {"x-ratelimit-limit-requests": "1", "x-ratelimit-remaining-requests": "0"}
    status, second, headers = call("/v1/images/generations", {"prompt": "A cat"})
    assert (status, second["error"]["type"], second["error"]["code"]) == (
        429,
        "rate_limit_error",
        "too_many_active_tasks",
    )
    assert {name: headers[name] for name in limits} == limits
    assert headers["Retry-After"] == "2"


def test_a_wrong_key_is_refused_in_openais_form() -> None:
    status, body, _ = call("/v1/models", key="wrong")
    assert status == 401
    assert body["error"] == {
        "message": "Send a valid key in the header x-api-key or Authorization",
        "type": "authentication_error",
        "param": None,
        "code": "unauthorized",
    }


def test_models_and_an_unknown_path() -> None:
    status, models, _ = call("/v1/models")
    assert (status, models["data"][0]["id"]) == (200, "sdruntime")
    assert call("/v1/models/sdruntime")[:2] == (200, models["data"][0])
    status, unknown, _ = call("/v1/models/dynamic%2Fnone")
    assert (status, unknown["error"]["code"], unknown["error"]["param"]) == (404, "model_not_found", "model")
    assert "'dynamic/none'" in unknown["error"]["message"]
    status, refused, _ = call("/v1/images/none", {})
    assert (status, refused["error"]["type"]) == (404, "invalid_request_error")
