"""Description of the API, which needs no key: OpenAPI for programs, and a page that shows it to people."""

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from lambdas.http.application import HttpApplication
from lambdas.http.cached_response import cached_response

#: The bundle of the functions holds both files at the same place as the project.
DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
PAGE: Final = Path(__file__).with_name("description.html")
DOCUMENT_PATH: Final = "/openapi.json"
PAGE_PATH: Final = "/docs"
#: Browsers and proxies need not ask again for these seconds.
_CACHE_CONTROL: Final = "public, max-age=300"


def add_description(app: HttpApplication) -> None:
    """Add the two routes to an application."""

    @app.get(DOCUMENT_PATH)
    def show_document() -> Response[str]:
        document = json.dumps(_document() | {"servers": [{"url": _address(app.current_event)}]}, separators=(",", ":"))
        return cached_response(app.current_event, document, "application/json", cache_control=_CACHE_CONTROL)

    @app.get(PAGE_PATH)
    def show_page() -> Response[str]:
        page = PAGE.read_text()
        headers = {"Content-Security-Policy": _content_security_policy(page)}
        content_type = "text/html; charset=utf-8"
        return cached_response(app.current_event, page, content_type, cache_control=_CACHE_CONTROL, headers=headers)


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
