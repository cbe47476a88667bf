"""HTTP response of a function behind the API, translated as by API Gateway."""

import base64
import binascii
import gzip
import json
from typing import Annotated, Final

from pydantic import BaseModel, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from local.api_gateway.events import matches_media_type
from local.api_gateway.gateway_responses import GatewayError
from local.api_gateway.rest_api import RestApi
from local.lambda_runtime.runtime_api import InvocationResult

#: What HTTP allows in the name and in the value of a header (RFC 9110, section 5).
_NAME: Final = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"
_VALUE: Final = r"^[\t\x20-\x7e\x80-\xff]*$"

#: Headers that say how the body travels: API Gateway sets them itself.
_OWN_HEADERS: Final = frozenset({"connection", "content-length", "transfer-encoding"})

_HeaderName = Annotated[str, StringConstraints(pattern=_NAME)]
_HeaderValue = Annotated[str, StringConstraints(pattern=_VALUE)] | bool | int | float


class _ProxyAnswer(BaseModel, alias_generator=to_camel):
    status_code: int = Field(ge=100, le=999)
    body: str | None = None
    headers: dict[_HeaderName, _HeaderValue] | None = None
    multi_value_headers: dict[_HeaderName, list[_HeaderValue]] | None = None
    is_base64_encoded: bool | None = None


def http_response(answer: InvocationResult, *, accept: str, binary_media_types: tuple[str, ...]) -> Response:
    """Return the response of a function; raise GatewayError if it failed or answered in another shape."""
    if answer.is_error:
        raise GatewayError("DEFAULT_5XX")
    try:
        value = _ProxyAnswer.model_validate_json(answer.payload)
        body = (value.body or "").encode()
        if value.is_base64_encoded and matches_media_type(accept, binary_media_types):
            body = base64.b64decode(body, validate=True)
    except (ValidationError, UnicodeEncodeError, binascii.Error):
        raise GatewayError("DEFAULT_5XX") from None
    response = Response(body, status_code=value.status_code)
    headers = {name: [item] for name, item in (value.headers or {}).items()} | (value.multi_value_headers or {})
    for name, items in headers.items():
        if name.lower() not in _OWN_HEADERS:
            for item in items:
                response.headers.append(name, _text(item))
    response.headers.setdefault("content-type", "application/json")
    return response


def compressed(response: Response, *, accept_encoding: str, api: RestApi) -> Response:
    """Compress the body of a large response for a caller who accepts gzip."""
    accepted = {encoding.partition(";")[0].strip().lower() for encoding in accept_encoding.split(",")}
    size, body = api.compressed_from_bytes, bytes(response.body)
    if size is None or len(body) < size or "gzip" not in accepted or "content-encoding" in response.headers:
        return response
    # The fastest level, because this machine compresses what AWS's machines would.
    response.body = gzip.compress(body, 1)
    response.headers["content-encoding"] = "gzip"
    response.headers["content-length"] = str(len(response.body))
    return response


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
