"""Response that browsers and proxies keep: with an ETag, and without a body if the sender has it already."""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent


def cached_response(
    event: APIGatewayProxyEvent,
    body: str,
    content_type: str,
    *,
    cache_control: str,
    headers: Mapping[str, str] | None = None,
) -> Response[str]:
    """Return the response to a GET with `body`, whose reader may keep it as `cache_control` says."""
    tag = f'"{content_hash(body.encode())}"'
    is_known = tag in event.headers.get("If-None-Match", "")
    return Response(
        status_code=(HTTPStatus.NOT_MODIFIED if is_known else HTTPStatus.OK).value,
        content_type=content_type,
        body="" if is_known else body,
        headers={
            **(headers or {}),
            "Cache-Control": cache_control,
            "ETag": tag,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        },
    )


def content_hash(content: bytes) -> str:
    """Return the hash by which a cache knows a content."""
    return hashlib.sha256(content).hexdigest()[:32]
