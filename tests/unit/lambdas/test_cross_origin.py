"""Cross-origin rules: which pages may read a response."""

import pytest

from lambdas.http.cross_origin import CrossOriginPolicy

SHOP = "https://app.shop.example"
LOOPBACK = "http://localhost:*"


@pytest.mark.parametrize(
    ("allowed", "origin", "is_allowed"),
    [
        (SHOP, SHOP, True),
        (SHOP, "https://app.shop.example.evil.example", False),
        (SHOP, "http://app.shop.example", False),
        (LOOPBACK, "http://localhost:5173", True),
        (LOOPBACK, "http://localhost", True),
        (LOOPBACK, "http://localhost:5173.evil.example", False),
        (LOOPBACK, "http://localhost.evil.example", False),
        ("*", "https://anywhere.example", True),
        ("*", "", False),
    ],
)
def test_only_allowed_origins_are_named(allowed: str, origin: str, *, is_allowed: bool) -> None:
    policy = CrossOriginPolicy((allowed,))
    assert policy.headers({"Origin": origin}).get("Access-Control-Allow-Origin") == (origin if is_allowed else None)
    preflight = policy.preflight({"origin": origin})["multiValueHeaders"]
    assert ("Access-Control-Allow-Methods" in preflight) == is_allowed
    assert preflight["Vary"] == ["Origin"]


def test_a_page_may_mark_the_repetitions_of_a_request() -> None:
    preflight = CrossOriginPolicy((SHOP,)).preflight({"origin": SHOP})["multiValueHeaders"]
    assert "idempotency-key" in preflight["Access-Control-Allow-Headers"][0].split(",")


def test_a_page_may_send_its_key_and_headers_of_other_clients() -> None:
    preflight = CrossOriginPolicy((SHOP,)).preflight({"origin": SHOP})["multiValueHeaders"]
    # Browsers send OpenAI's x-stainless-os by the `*`, which never covers `authorization`.
    assert {"*", "authorization"} <= set(preflight["Access-Control-Allow-Headers"][0].split(","))


def test_a_page_reads_the_headers_by_which_its_client_decides() -> None:
    exposed = CrossOriginPolicy((SHOP,)).headers({"origin": SHOP})["Access-Control-Expose-Headers"]
    assert {"*", "Retry-After"} <= set(exposed.split(","))


def test_without_origins_no_header_is_added() -> None:
    assert CrossOriginPolicy(()).headers({"origin": SHOP}) == {}
