import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

from local.api_gateway.gateway_responses import GatewayError
from local.api_gateway.proxy_response import http_response
from local.lambda_runtime.runtime_api import InvocationResult


def convert(value: Any, *, accept: str = "", binary: tuple[str, ...] = ()) -> Response:
    return http_response(InvocationResult(json.dumps(value).encode()), accept=accept, binary_media_types=binary)


def test_status_body_and_headers() -> None:
    response = convert(
        {
            "statusCode": 201,
            "body": "ä",
            "headers": {"X-One": "1", "Content-Type": "text/plain", "X-Number": 7},
            "multiValueHeaders": {"Set-Cookie": ["a", "b"], "X-One": ["2"]},
        }
    )
    assert (response.status_code, response.body) == (201, "ä".encode())
    assert response.headers["content-type"] == "text/plain"
    assert response.headers["x-number"] == "7"
    assert response.headers.getlist("set-cookie") == ["a", "b"]
    assert response.headers.getlist("x-one") == ["2"]


def test_json_is_the_type_of_an_answer_that_names_none() -> None:
    assert convert({"statusCode": "204"}).headers["content-type"] == "application/json"


def test_base64_is_undone_only_for_a_type_that_is_declared_binary() -> None:
    value = {"statusCode": 200, "body": "AAE=", "isBase64Encoded": True}
    assert convert(value, accept="image/png, */*", binary=("image/png",)).body == b"\x00\x01"
    assert convert(value, accept="image/png", binary=("*/*",)).body == b"\x00\x01"
    assert convert(value, accept="text/html", binary=("image/png",)).body == b"AAE="


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        {},
        {"statusCode": "ok"},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "headers": []},
        {"statusCode": 200, "body": "no base64!", "isBase64Encoded": True},
    ],
)
def test_a_malformed_answer_is_a_bad_gateway(value: object) -> None:
    with pytest.raises(GatewayError, match="DEFAULT_5XX"):
        convert(value, accept="a/b", binary=("*/*",))


def test_a_failed_function_is_a_bad_gateway() -> None:
    with pytest.raises(GatewayError, match="DEFAULT_5XX"):
        http_response(InvocationResult(b'{"statusCode": 200}', is_error=True), accept="", binary_media_types=())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
NAMES = st.text() | st.sampled_from(["content-type", "x-one"])
ANSWERS = st.fixed_dictionaries(
    {"statusCode": st.just(200) | JSON},
    optional={
        "body": st.text() | JSON,
        "headers": st.dictionaries(NAMES, JSON) | JSON,
        "multiValueHeaders": st.dictionaries(NAMES, st.lists(JSON)) | JSON,
        "isBase64Encoded": JSON,
    },
)


@given(ANSWERS)
def test_every_answer_becomes_a_response_or_a_gateway_error(value: object) -> None:
    with contextlib.suppress(GatewayError):
        assert 100 <= convert(value, accept="a/b", binary=("*/*",)).status_code <= 999
