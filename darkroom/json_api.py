"""Exchange of JSON with the API: a request is repeated while it may succeed, and a refusal becomes its error."""

import json
import math
import random
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from darkroom.errors import (
    Error,
    KeyNotAccepted,
    NoSuchTask,
    NotConfigured,
    RefusedField,
    RequestRefused,
    TaskConflict,
    TooManyRequests,
    Unavailable,
    UnusableInput,
)
from darkroom.http_exchange import HttpCall, HttpReply, NoReply
from darkroom.operation import Operation, Pause, send

#: Answers after which the same request may succeed soon.
_TRANSIENT: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
#: Seconds before the first repetition; each further one waits twice as long.
FIRST_PAUSE_SECONDS: Final = 0.5
#: Longest pause, also if `Retry-After` asks for a longer one.
LONGEST_PAUSE_SECONDS: Final = 60.0
_ERRORS: Final[Mapping[int, type[RequestRefused]]] = {
    HTTPStatus.UNAUTHORIZED: KeyNotAccepted,
    HTTPStatus.CONFLICT: TaskConflict,
    HTTPStatus.TOO_MANY_REQUESTS: TooManyRequests,
}


class JsonApi:
    """Sends the requests of one address and key."""

    def __init__(self, *, url: str, key: str, retries: int) -> None:
        self._url = url.rstrip("/")
        self._retries = retries
        # An environment may accept one of the two headers only (`apiKeyHeader`).
        self._headers = {
            "x-api-key": key,
            "authorization": f"Bearer {key}",
            "content-type": "application/json",
            "accept": "application/json",
        }

    def begin(self, path: str, body: bytes | None = None) -> Operation[dict[str, Any]]:
        """Send a request that begins a run. A repetition after a lost answer carries the same key and begins none."""
        return (yield from self.ask("POST", path, body, {"idempotency-key": secrets.token_hex(16)}))

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Operation[dict[str, Any]]:
        """Return the document that the API answers with."""
        reply = yield from self._repeated(HttpCall(method, self._url + path, self._headers | dict(headers or {}), body))
        try:
            document = json.loads(reply.body)
        except ValueError:
            document = None
        if reply.is_success and isinstance(document, dict):
            return document
        raise _error(self._url, reply, document)

    def ask_storage(self, call: HttpCall, *, what: str) -> Operation[bytes]:
        """Return the body of S3's answer to a presigned request."""
        reply = yield from self._repeated(call)
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unavailable(f"S3 is not available for {what} (HTTP {reply.status}); try again later")
        if not reply.is_success:
            text = reply.body.decode(errors="replace")[:500]
            message = f"{what} was refused by S3 (HTTP {reply.status}); the link may have expired: {text}"
            raise RequestRefused(message, status=reply.status, code="storage_refused")
        return reply.body

    def _repeated(self, call: HttpCall) -> Operation[HttpReply]:
        """Send a request, again while it may succeed soon. Every request of the client may be repeated."""
        for repetition in range(self._retries + 1):
            reply = yield from send(call)
            if not _may_pass(reply) or repetition == self._retries:
                break
            if (yield Pause(_pause_seconds(reply, repetition))) is not None:
                break
        if isinstance(reply, NoReply):
            address = urlsplit(call.url)
            raise Unavailable(f"{address.scheme}://{address.netloc} does not answer: {reply.reason}")
        return reply


def json_body(document: object, place: str = "") -> bytes:
    """Return a document of a caller as JSON; `place` is its name in messages."""
    return json.dumps(_plain(document, place)).encode()


def _plain(value: object, place: str) -> object:
    """Return a value of a caller as JSON knows it; raise UnusableInput with the place of one that JSON cannot hold."""
    match value:
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case Mapping():
            return {name: _plain(inner, f"{place}.{name}".lstrip(".")) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner, f"{place}[{index}]") for index, inner in enumerate(value)]
    kind = f"{value}" if isinstance(value, float) else f"of type {type(value).__name__}"
    known = "text, a number, true, false, null, a list or an object"
    raise UnusableInput(f"`{place}` is {kind}, which JSON cannot hold; give {known}")


def _may_pass(reply: HttpReply | NoReply) -> bool:
    return reply.may_pass if isinstance(reply, NoReply) else reply.status in _TRANSIENT


def _pause_seconds(reply: HttpReply | NoReply, repetition: int) -> float:
    asked = reply.headers.get("retry-after", "") if isinstance(reply, HttpReply) else ""
    # Clients that failed together must not come back together.
    chosen = FIRST_PAUSE_SECONDS * 2**repetition * random.uniform(0.5, 1)  # noqa: S311 - nothing to guess
    return min(float(asked) if asked.isdecimal() else chosen, LONGEST_PAUSE_SECONDS)


def _error(url: str, reply: HttpReply, document: object) -> Error:
    """Return the error of an answer that is not a success."""
    match document:
        case {"error": {"code": str() as code, "message": str() as message, **rest}}:
            listed = rest.get("details")
        case _ if reply.status == HTTPStatus.UNAUTHORIZED:
            code, message, listed = "unauthorized", "the key is not accepted", None
        case _ if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            # A proxy in front of the API answers in its own words.
            code, message, listed = "throttled", "too many requests; slow down", None
        case _:
            kind = NotConfigured if reply.status < HTTPStatus.INTERNAL_SERVER_ERROR else Unavailable
            return kind(f"{url} does not answer as Darkroom's HTTP API (HTTP {reply.status}); check the address")
    request_id = reply.headers.get("x-amzn-requestid", "")
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        named = f"{code}, request {request_id}" if request_id else code
        return Unavailable(f"{message} ({named})", request_id=request_id)
    details = [detail for detail in listed if isinstance(detail, dict)] if isinstance(listed, list) else []
    fields = [RefusedField(str(detail.get("field")), str(detail.get("message"))) for detail in details]
    text = "\n".join(f"{broken.field}: {broken.message}" for broken in fields) or f"{message} ({code})"
    refusal = NoSuchTask if code == "task_not_found" else _ERRORS.get(reply.status, RequestRefused)
    return refusal(text, status=reply.status, code=code, fields=fields, request_id=request_id)
