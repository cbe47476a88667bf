"""Pages of a browser against the local system: preflights without a key, and responses that the page may read."""

from typing import Final

import pytest
import requests

from tests.harness.local_system import System

pytestmark = [pytest.mark.xdist_group("local_system")]

PAGE: Final = "http://localhost:5173"
#: Method and path of a call of each function.
CALLS: Final = (
    ("POST", "/v1alpha2"),
    ("POST", "/v1alpha2/uploads"),
    ("DELETE", "/v1alpha2/tasks/nothing"),
    ("GET", "/v2/sdruntime/health"),
    ("GET", "/sdapi/v1/options"),
)


def preflight(url: str, method: str, origin: str = PAGE) -> requests.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,x-api-key",
    }
    return requests.options(url, headers=asked, timeout=30)


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_page_may_send_each_call(system: System, method: str, path: str) -> None:
    answer = preflight(system.endpoints["http_url"] + path, method)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, PAGE)
    assert method in answer.headers["Access-Control-Allow-Methods"].split(",")
    assert {"content-type", "x-api-key"} <= set(answer.headers["Access-Control-Allow-Headers"].split(","))


@pytest.mark.parametrize("server", ["http_url", "aws_endpoint_url"])
def test_pages_elsewhere_may_not(system: System, server: str) -> None:
    answer = preflight(f"{system.endpoints[server]}/v1alpha2", "POST", "https://evil.example")
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("server", ["http_url", "aws_endpoint_url", "callbacks_url"])
def test_a_page_whose_name_points_to_this_machine_may_not(system: System, server: str) -> None:
    answer = requests.get(system.endpoints[server], headers={"Host": "evil.example:8350"}, timeout=30)
    assert answer.status_code in {400, 403}


def test_a_page_reads_answers_and_errors(system: System) -> None:
    base, key = system.endpoints["http_url"], system.endpoints["api_key"]
    for path, sent, status in (
        ("/v2/sdruntime/health", {"x-api-key": key}, 200),
        ("/v1alpha2/tasks/nothing", {"x-api-key": key}, 404),
        # API Gateway itself answers these two.
        ("/v2/sdruntime/health", {"x-api-key": "wrong"}, 401),
        ("/nowhere", {}, 404),
    ):
        answer = requests.get(base + path, headers={"Origin": PAGE, **sent}, timeout=30)
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] in {PAGE, "*"}


def test_a_page_calls_a_function_url(system: System) -> None:
    url = f"{system.endpoints['function_urls']['runpod_api']}/v2/sdruntime/health"
    assert preflight(url, "GET").headers["Access-Control-Allow-Origin"] == PAGE
    for key, status in ((system.endpoints["api_key"], 200), ("wrong", 401)):
        answer = requests.get(url, headers={"Origin": PAGE, "x-api-key": key}, timeout=30)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, PAGE)
