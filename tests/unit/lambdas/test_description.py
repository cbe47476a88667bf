"""Description of the API: it names the address that was called, and its page runs nothing of strangers."""

import base64
import hashlib
import json
import re
from types import SimpleNamespace
from typing import Any

import pytest

from contract.tenancy import Tenancy
from lambdas.http.application import HttpApplication
from lambdas.http.description import DOCUMENT, DOCUMENT_PATH, PAGE, PAGE_PATH, add_description
from stacks.constructs.api.gateway_errors import GATEWAY_ERRORS

CONTEXT = SimpleNamespace(function_name="read_task")


def get(path: str, *, domain: str, stage: str = "", scheme: str = "https", **headers: str) -> dict[str, Any]:
    application = HttpApplication(origins=(), tenancy=Tenancy())
    add_description(application)
    event = {
        "resource": path,
        "path": path,
        "httpMethod": "GET",
        "headers": {"X-Forwarded-Proto": scheme, **headers},
        "queryStringParameters": None,
        "requestContext": {"domainName": domain, "path": f"{stage}{path}", "stage": "api", "requestId": "r"},
        "body": None,
        "isBase64Encoded": False,
    }
    return application.resolve(event, CONTEXT)


@pytest.mark.parametrize(
    ("domain", "stage", "scheme", "address"),
    [
        ("abc.execute-api.example", "/api", "https", "https://abc.execute-api.example/api"),
        ("images.shop.example", "", "https", "https://images.shop.example"),
        ("127.0.0.1:8080", "", "http", "http://127.0.0.1:8080"),
    ],
)
def test_the_document_names_the_address_that_was_called(domain: str, stage: str, scheme: str, address: str) -> None:
    response = get("/openapi.json", domain=domain, stage=stage, scheme=scheme)
    assert response["statusCode"] == 200
    assert response["multiValueHeaders"]["Content-Type"] == ["application/json"]
    document = json.loads(response["body"])
    assert document.pop("servers") == [{"url": address}]
    committed = json.loads(DOCUMENT.read_text())
    del committed["servers"]
    assert document == committed


def test_the_page_runs_its_own_script_only() -> None:
    response = get("/docs", domain="images.shop.example")
    headers = response["multiValueHeaders"]
    assert headers["Content-Type"] == ["text/html; charset=utf-8"]
    assert headers["X-Content-Type-Options"] == ["nosniff"]
    (policy,) = headers["Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    for element in ("script", "style"):
        (content,) = re.findall(f"<{element}>(.*?)</{element}>", response["body"], re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules.pop(f"{element}-src") == f"'sha256-{digest}'"
    assert rules.pop("connect-src") == "'self'"
    assert rules == dict.fromkeys(("default-src", "base-uri", "form-action", "frame-ancestors"), "'none'")


def test_the_page_asks_no_other_server_and_makes_no_text_html() -> None:
    page = PAGE.read_text()
    assert not re.search(r"https?:|src=|//[\w.]+/|innerHTML|insertAdjacentHTML|document\.write|style=|onclick", page)


def test_a_stranger_finds_the_description() -> None:
    message = json.loads(get("/v1/nothing", domain="images.shop.example")["body"])["error"]["message"]
    assert f"GET {PAGE_PATH}" in message
    by_the_gateway = GATEWAY_ERRORS["MISSING_AUTHENTICATION_TOKEN"].message
    assert f"GET {PAGE_PATH}" in by_the_gateway
    assert f"GET {DOCUMENT_PATH}" in by_the_gateway


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_a_known_response_is_not_sent_again(path: str) -> None:
    first = get(path, domain="images.shop.example")
    assert first["multiValueHeaders"]["Cache-Control"] == ["public, max-age=300"]
    (tag,) = first["multiValueHeaders"]["ETag"]
    again = get(path, domain="images.shop.example", **{"If-None-Match": f'W/{tag}, "other"'})
    assert (again["statusCode"], again["body"]) == (304, "")
    assert again["multiValueHeaders"]["ETag"] == [tag]
    changed = get(path, domain="images.shop.example", **{"If-None-Match": '"other"'})
    assert changed["statusCode"] == 200
