"""Contracts of function URLs: events of payload format 2.0, answers and errors."""

from typing import Any, Final

import httpx
import pytest

from tests.emulators.emulated_services import EmulatedServices

MEGABYTE: Final = 1024 * 1024


def request(services: EmulatedServices, method: str, path: str, **options: Any) -> httpx.Response:
    return httpx.request(method, services.function_url + path, timeout=60, **options)


def test_a_function_gets_the_request(services: EmulatedServices) -> None:
    headers = {"X-Own": "value", "content-type": "application/json"}
    response = request(services, "POST", "/tasks/a%20b?q=1&q=2", headers=headers, content='{"a": "ü"')
    assert (response.status_code, response.headers["x-seen"]) == (202, "yes"), response.text
    event: dict[str, Any] = response.json()
    http = event["requestContext"]["http"]
    assert (event["version"], http["method"], http["path"]) == ("2.0", "POST", "/tasks/a b")
    assert event["rawQueryString"] == "q=1&q=2"
    assert event["queryStringParameters"] == {"q": "1,2"}
    assert event["headers"]["x-own"] == "value"
    # A body that is no JSON reaches the function as it is.
    assert (event["body"], event["isBase64Encoded"]) == ('{"a": "ü"', False)


def test_bytes_reach_the_function_as_base64(services: EmulatedServices) -> None:
    headers = {"content-type": "image/png"}
    event = request(services, "POST", "/", headers=headers, content=bytes(range(3))).json()
    assert (event["body"], event["isBase64Encoded"]) == ("AAEC", True)


def test_a_function_answers_with_bytes(services: EmulatedServices) -> None:
    response = request(services, "GET", "/picture")
    assert (response.content, response.headers["content-type"]) == (bytes(range(256)), "image/png")


@pytest.mark.parametrize("name", ["broken", "large"])
def test_a_function_without_an_answer_is_an_error_of_the_address(services: EmulatedServices, name: str) -> None:
    assert request(services, "GET", f"/{name}").status_code == 502


@pytest.mark.parametrize(("size", "status"), [(5, 202), (7, 413)])
def test_a_body_has_its_limit_in_megabytes(services: EmulatedServices, size: int, status: int) -> None:
    headers = {"content-type": "text/plain"}
    assert request(services, "POST", "/", headers=headers, content=b"x" * size * MEGABYTE).status_code == status


def test_a_preflight_gets_the_answer_of_the_function(services: EmulatedServices) -> None:
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    response = request(services, "OPTIONS", "/preflight", headers=headers)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "https://app.example"
