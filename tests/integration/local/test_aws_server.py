"""Callers of the AWS server: programs and pages of this machine, and no other page."""

from collections.abc import Iterator

import pytest
import requests

from tests.harness.aws_endpoint import serve_aws


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve_aws() as url:
        yield url


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[::1"},
        {"Origin": "http://localhost.evil.example"},
        {"Host": "evil.example:8351"},
    ],
)
@pytest.mark.parametrize("method", ["OPTIONS", "GET", "PUT"])
def test_pages_of_other_machines_are_refused(method: str, headers: dict[str, str], url: str) -> None:
    answer = requests.request(method, f"{url}/bucket-of-pages", headers=headers, timeout=30)
    assert (answer.status_code, answer.text) == (403, "only pages of this machine may call")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert requests.head(f"{url}/bucket-of-pages", timeout=30).status_code == 404


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://localhost:5173"}, {"Origin": "http://[::1]:8350"}, {"Host": "bucket.localhost:8351"}]
)
def test_pages_of_this_machine_are_answered(headers: dict[str, str], url: str) -> None:
    assert requests.get(url, headers=headers, timeout=30).status_code != 403
