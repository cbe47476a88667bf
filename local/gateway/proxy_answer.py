"""The answer of a function behind the API, turned into HTTP as API Gateway does."""

import base64
import binascii
import json
from typing import Any

from starlette.responses import Response

from local.functions.runtime_api import Answer
from local.gateway.events import matches_media_type
from local.gateway.gateway_responses import Refused


def http_response(answer: Answer, *, accept: str, binary_media_types: tuple[str, ...]) -> Response:
    """Return the response that the function asks for; raises Refused if it failed or asks for nothing sensible."""
    if answer.is_error:
        raise Refused("DEFAULT_5XX")
    value = json.loads(answer.payload)
    if not _is_proxy_answer(value):
        raise Refused("DEFAULT_5XX")
    body = (value.get("body") or "").encode()
    if value.get("isBase64Encoded") and matches_media_type(accept, binary_media_types):
        try:
            body = base64.b64decode(body, validate=True)
        except binascii.Error:
            raise Refused("DEFAULT_5XX") from None
    response = Response(body, status_code=int(value["statusCode"]))
    for name, item in (value.get("headers") or {}).items():
        response.headers[name] = _text(item)
    for name, items in (value.get("multiValueHeaders") or {}).items():
        if name in response.headers:
            del response.headers[name]
        for item in items:
            response.headers.append(name, _text(item))
    response.headers.setdefault("content-type", "application/json")
    return response


def _is_proxy_answer(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("statusCode"), int | str)
        and str(value["statusCode"]).isdigit()
        and isinstance(value.get("body"), str | None)
        and isinstance(value.get("headers"), dict | None)
        and isinstance(value.get("multiValueHeaders"), dict | None)
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
