"""Contracts of API Gateway: authorizer, usage plans, errors and events."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from tests.emulators.contract_stack import THROTTLED_BODY
from tests.emulators.emulated_services import EmulatedServices

MEGABYTE: Final = 1024 * 1024


def test_a_function_gets_the_request(services: EmulatedServices) -> None:
    headers = {"X-Own": "value", "content-type": "text/plain"}
    response = services.http("POST", "/tasks/a%20b?q=1&q=2&text=a%26b", headers=headers, content="ü{")
    assert (response.status_code, response.headers["x-seen"]) == (202, "yes"), response.text
    event: dict[str, Any] = response.json()
    assert (event["httpMethod"], event["resource"]) == ("POST", "/tasks/{id}")
    assert event["pathParameters"] == {"id": "a b"}
    assert event["queryStringParameters"]["text"] == "a&b"
    assert event["multiValueQueryStringParameters"] == {"q": ["1", "2"], "text": ["a&b"]}
    names = {name.lower(): value for name, value in event["headers"].items()}
    assert (names["x-own"], names["content-type"]) == ("value", "text/plain")
    # A body that is no JSON reaches the function as it is.
    assert (event["body"], event["isBase64Encoded"]) == ("ü{", False)


def test_a_request_without_body_has_none(services: EmulatedServices) -> None:
    event = services.http("GET", "/tasks/7").json()
    assert event["queryStringParameters"] is None
    assert event["length"] == 0


def test_a_function_gets_the_context_of_the_authorizer_as_text(services: EmulatedServices) -> None:
    event = services.http("GET", "/tasks/7").json()
    authorizer = event["requestContext"]["authorizer"]
    assert (authorizer["principalId"], authorizer["tenant"]) == ("caller", "first")
    assert authorizer["administrator"] == "true"


@pytest.mark.parametrize(("key", "status"), [("", 401), ("denied", 403), ("unknown", 500), ("unlisted", 403)])
def test_a_caller_is_refused(services: EmulatedServices, key: str, status: int) -> None:
    assert services.http("GET", "/tasks/7", key=key).status_code == status


def test_a_key_over_its_rate_gets_the_answer_of_the_template(services: EmulatedServices) -> None:
    statuses = [services.http("GET", "/tasks/7", key="throttled").status_code for _ in range(2)]
    refused = services.http("GET", "/tasks/7", key="throttled")
    assert [*statuses, refused.status_code] == [202, 429, 429]
    assert refused.json() == json.loads(THROTTLED_BODY)
    assert refused.headers["retry-after"] == "7"


def test_a_key_over_its_quota_is_refused(services: EmulatedServices) -> None:
    assert services.http("GET", "/tasks/7", key="exhausted").status_code == 202
    response = services.http("GET", "/tasks/7", key="exhausted")
    assert (response.status_code, response.json()) == (429, {"message": "Limit Exceeded"})


def test_the_keys_are_independent(services: EmulatedServices) -> None:
    assert [services.http("GET", "/tasks/7").status_code for _ in range(3)] == [202] * 3


@pytest.mark.parametrize(("method", "path"), [("GET", "/unknown"), ("GET", "/tasks"), ("GET", "/picture")])
def test_a_route_that_is_missing_is_refused_before_the_authorizer(
    services: EmulatedServices, method: str, path: str
) -> None:
    response = services.http(method, path, key="")
    assert (response.status_code, response.json()) == (403, {"message": "Missing Authentication Token"})


@pytest.mark.parametrize(("name", "status"), [("broken", 502), ("shapeless", 502), ("large", 502)])
def test_a_function_without_an_answer_is_an_error_of_the_gateway(
    services: EmulatedServices, name: str, status: int
) -> None:
    assert services.http("GET", f"/tasks/{name}").status_code == status


def test_a_function_that_is_too_slow_is_an_error_of_the_gateway(services: EmulatedServices) -> None:
    assert services.http("GET", "/slow").status_code == 504


@pytest.mark.parametrize(("size", "status"), [(5, 202), (7, 413), (11, 413)])
def test_a_body_has_its_limit_in_megabytes(services: EmulatedServices, size: int, status: int) -> None:
    assert services.http("POST", "/tasks/7", content=b"x" * size * MEGABYTE).status_code == status


def test_a_preflight_needs_no_key_and_gets_the_answer_of_the_function(services: EmulatedServices) -> None:
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    response = services.http("OPTIONS", "/preflight", key="", headers=headers)
    assert response.status_code == 204, response.text
    assert response.headers["access-control-allow-origin"] == "https://app.example"
    assert response.headers["access-control-allow-methods"] == "POST"


def test_requests_at_the_same_time_get_their_own_answers(services: EmulatedServices) -> None:
    with ThreadPoolExecutor(8) as executor:
        responses = list(executor.map(lambda number: services.http("GET", f"/tasks/{number}"), range(20)))
    assert [response.json()["pathParameters"]["id"] for response in responses] == [str(number) for number in range(20)]


def test_bytes_of_a_binary_media_type_reach_the_function_as_base64(services: EmulatedServices) -> None:
    headers = {"content-type": "image/png"}
    event = services.http("POST", "/tasks/7", headers=headers, content=bytes(range(3))).json()
    assert (event["body"], event["isBase64Encoded"]) == ("AAEC", True)


def test_bytes_are_the_answer_where_the_caller_accepts_them(services: EmulatedServices) -> None:
    response = services.http("POST", "/picture", headers={"accept": "image/png"})
    assert response.content == bytes(range(256))
    assert response.headers["content-type"] == "image/png"
