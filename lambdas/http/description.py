"""Description of the API, which needs no key: OpenAPI for programs, and a page that shows it to people."""

import base64
import hashlib
import json
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from lambdas.http.application import HttpApplication

#: The bundle of the functions holds both files at the same place as the project.
DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
PAGE: Final = Path(__file__).with_name("description.html")
DOCUMENT_PATH: Final = "/openapi.json"
PAGE_PATH: Final = "/docs"
#: Seconds for which browsers and proxies need not ask again.
MAX_AGE_SECONDS: Final = 300


def add_description(app: HttpApplication) -> None:
    """Add the two routes to an application."""

    @app.get(DOCUMENT_PATH)
    def show_document() -> Response[str]:
        document = json.dumps(_document() | {"servers": [{"url": _address(app.current_event)}]}, separators=(",", ":"))
        return _response(app.current_event, document, "application/json", {})

    @app.get(PAGE_PATH)
    def show_page() -> Response[str]:
        page = PAGE.read_text()
        headers = {"Content-Security-Policy": _content_security_policy(page)}
        return _response(app.current_event, page, "text/html; charset=utf-8", headers)


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return document


def _address(event: APIGatewayProxyEvent) -> str:
    """Return the address of the API as the sender wrote it: with the stage, or behind a domain of the environment."""
    scheme = "http" if event.headers.get("X-Forwarded-Proto") == "http" else "https"
    context = event.request_context
    return f"{scheme}://{context.domain_name}{context.path.removesuffix(DOCUMENT_PATH)}"


def _content_security_policy(page: str) -> str:
    """Allow only the page's inline script and style, by their hashes, and requests to the same server."""
    allowed = {"script-src": _hash(page, "script"), "style-src": _hash(page, "style"), "connect-src": "'self'"}
    refused = ("default-src", "base-uri", "form-action", "frame-ancestors")
    return "; ".join(
        [*(f"{name} 'none'" for name in refused), *(f"{name} {source}" for name, source in allowed.items())]
    )


def _hash(page: str, element: str) -> str:
    content = page.partition(f"<{element}>")[2].partition(f"</{element}>")[0]
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _response(event: APIGatewayProxyEvent, body: str, content_type: str, headers: dict[str, str]) -> Response[str]:
    """Return a response that caches keep, without a body if the sender has it already."""
    tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    is_known = tag in event.headers.get("If-None-Match", "")
    return Response(
        status_code=(HTTPStatus.NOT_MODIFIED if is_known else HTTPStatus.OK).value,
        content_type=content_type,
        body="" if is_known else body,
        headers={
            **headers,
            "Cache-Control": f"public, max-age={MAX_AGE_SECONDS}",
            "ETag": tag,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        },
    )
