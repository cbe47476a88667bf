"""Requests as calls of the Web UI's API, and what is no call refused as the Web UI refuses it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.runpod import ALLOWED_CALLS
from contract.task import TaskType
from lambdas.webui_api.calls import Call, parse_call
from lambdas.webui_api.refusals import WebUiRefusal
from tests.unit.lambdas.harness import CATALOGUE, PIPELINE_CATALOGUE


def call(method: str, path: str, body: str | bytes = b"{}", **headers: str) -> Call:
    return parse_call(method, path, headers, body, catalogue=CATALOGUE)


def refusal(method: str, path: str, body: str | bytes = b"{}", **headers: str) -> tuple[int, Any]:
    with pytest.raises(WebUiRefusal) as caught:
        call(method, path, body, **headers)
    return caught.value.response.status, caught.value.response.body


@pytest.mark.parametrize(
    ("path", "headers", "runtime"),
    [
        ("/sdapi/v1/txt2img", {}, "sdruntime"),
        ("/sdapi/v1/txt2img/", {}, "sdruntime"),
        ("/sdapi/v1/txt2img", {"X-Runtime": "dynamic"}, "dynamic"),
        ("/runtimes/dynamic/sdapi/v1/txt2img", {}, "dynamic"),
        ("/runtimes/dynamic/sdapi/v1/txt2img", {"x-runtime": "sdruntime"}, "dynamic"),
    ],
)
def test_a_runtime_is_the_default_one_or_named(path: str, headers: dict[str, str], runtime: str) -> None:
    assert call("POST", path, **headers).runtime.name == runtime


def test_every_allowed_call_of_the_web_ui_is_one_here_and_has_its_type() -> None:
    for method, endpoints in ALLOWED_CALLS.items():
        for endpoint in endpoints:
            if endpoint.startswith("v1/"):
                assert refusal(method, f"/{endpoint}")[0] == 404
            else:
                assert call(method, f"/{endpoint}").endpoint == endpoint
    assert call("POST", "/sdapi/v1/img2img").tasktype is TaskType.IMAGE_TO_IMAGE
    assert call("POST", "/sdapi/v1/extra-batch-images").tasktype is TaskType.EXTRA_BATCH_IMAGES
    assert call("GET", "/controlnet/model_list").tasktype is TaskType.WEBUI_API
    assert [call("POST", f"/sdapi/v1/{name}").generates for name in ("txt2img", "png-info")] == [True, False]


@pytest.mark.parametrize("endpoint", ["interrupt", "skip", "refresh-checkpoints", "refresh-vae"])
def test_calls_that_say_nothing_need_no_body(endpoint: str) -> None:
    assert call("POST", f"/sdapi/v1/{endpoint}", b"").payload == {}


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/sdapi/v1/nope", 404, "Not Found"),
        ("POST", "/sdapi/v1/unload-checkpoint", 404, "Not Found"),
        ("POST", "/sdapi/v1/server-kill", 404, "Not Found"),
        ("GET", "/sdapi/v1/a/b", 404, "Not Found"),
        ("GET", "/sdapi/v1/", 404, "Not Found"),
        ("GET", "/sdapi/v1/interrupt", 405, "Method Not Allowed"),
        ("POST", "/sdapi/v1/samplers", 405, "Method Not Allowed"),
        ("GET", "/runtimes/no/sdapi/v1/samplers", 404, "there is no runtime 'no'; configured: dynamic, sdruntime"),
    ],
)
def test_there_is_no_such_call(method: str, path: str, status: int, detail: str) -> None:
    assert refusal(method, path) == (status, {"detail": detail})


@pytest.mark.parametrize("endpoint", ["progress", "samplers"])
def test_a_runtime_of_workflows_has_no_web_ui(endpoint: str) -> None:
    with pytest.raises(WebUiRefusal) as caught:
        parse_call("GET", f"/runtimes/comfyui/sdapi/v1/{endpoint}", {}, b"", catalogue=PIPELINE_CATALOGUE)
    response = caught.value.response
    assert (response.status, "comfyui is a ComfyUI" in response.body["detail"]) == (404, True)


@pytest.mark.parametrize(
    ("body", "entry"),
    [
        ("", {"loc": ["body"], "msg": "field required", "type": "value_error.missing"}),
        ("[1]", {"loc": ["body"], "msg": "value is not a valid dict", "type": "type_error.dict"}),
        (
            '{"prompt":',
            {
                "loc": ["body", 10],
                "msg": "Expecting value: line 1 column 11 (char 10)",
                "type": "value_error.jsondecode",
                "ctx": {"msg": "Expecting value", "doc": '{"prompt":', "pos": 10, "lineno": 1, "colno": 11},
            },
        ),
    ],
)
def test_a_broken_body_is_refused_as_recorded(body: str, entry: dict[str, Any]) -> None:
    assert refusal("POST", "/sdapi/v1/txt2img", body) == (422, {"detail": [entry]})


@pytest.mark.parametrize("body", [b"\xff", b"[" * 100_000, b'{"a":' * 100 + b"1" + b"}" * 100, b'{"steps": NaN}'])
def test_a_hostile_body_is_refused_too(body: bytes) -> None:
    status, answer = refusal("POST", "/sdapi/v1/txt2img", body)
    assert status == 422
    assert answer["detail"][0]["loc"][0] == "body"
    assert len(json.dumps(answer)) < 4000


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60)), st.text(max_size=40))
def test_whatever_comes_is_a_call_or_refused(body: bytes | str, path: str) -> None:
    for where in (path, f"/sdapi/v1/{path}", "/sdapi/v1/txt2img", f"/runtimes/{path}/sdapi/v1/txt2img"):
        try:
            call("POST", where, body)
        except WebUiRefusal as caught:
            json.dumps(caught.response.body).encode()
