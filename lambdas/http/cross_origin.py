"""Cross-origin rules of the HTTP API: they let the pages of named origins send requests and read the responses."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import Json

from contract.errors import DarkroomError
from contract.settings import Settings

#: Headers that a page may send. `*` means all others, by which OpenAI's client, for example, describes itself. Browsers
#: never count `authorization` among them, and older ones do not know `*`.
ALLOWED_HEADERS: Final = (
    "authorization,content-type,idempotency-key,mcp-method,mcp-name,mcp-protocol-version,x-api-key,x-runtime,*"
)
ALLOWED_METHODS: Final = "DELETE,GET,POST"
#: Headers that a page may read, in addition to those that browsers always show. `*` means all others, such as the
#: `x-should-retry` by which OpenAI's client decides.
EXPOSED_HEADERS: Final = "Retry-After,x-amzn-RequestId,*"
#: Seconds that a browser keeps the answer to a preflight. Chrome keeps none for longer.
PREFLIGHT_MAX_AGE_SECONDS: Final = 7200


class OriginRefused(DarkroomError):
    """Raised for a request of a page whose origin the environment does not name."""

    code = "origin_refused"


class CrossOriginSettings(Settings):
    """Settings of a function that browsers may call."""

    cors_origins: Json[tuple[str, ...]] = ()


class CrossOriginPolicy:
    """Allows the requests of these origins. The port of an origin may be `*`; the origin `*` allows all."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = origins

    def headers(self, request_headers: Mapping[str, str] | None) -> dict[str, str]:
        """Return the headers with which the sender's page may read the response."""
        if not self._origins:
            return {}
        # A cache must not give the response for one origin to another.
        headers = {"Vary": "Origin"}
        origin = _origin_of(request_headers)
        if self._covers(origin):
            headers |= {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED_HEADERS}
        return headers

    def allows(self, request_headers: Mapping[str, str] | None) -> bool:
        """Return True if a request comes from no page, or from a page of these origins."""
        origin = _origin_of(request_headers)
        return not origin or self._covers(origin)

    def preflight(self, request_headers: Mapping[str, str] | None) -> dict[str, Any]:
        """Return the answer to a browser's question whether its page may send a request; it needs no key."""
        headers = self.headers(request_headers)
        if "Access-Control-Allow-Origin" in headers:
            headers |= {
                "Access-Control-Allow-Headers": ALLOWED_HEADERS,
                "Access-Control-Allow-Methods": ALLOWED_METHODS,
                "Access-Control-Max-Age": str(PREFLIGHT_MAX_AGE_SECONDS),
            }
        listed = {name: [value] for name, value in headers.items()}
        return {"statusCode": HTTPStatus.NO_CONTENT.value, "multiValueHeaders": listed, "body": ""}

    def _covers(self, origin: str) -> bool:
        return any(_covers(allowed, origin) for allowed in self._origins)


def _origin_of(request_headers: Mapping[str, str] | None) -> str:
    return {name.lower(): value for name, value in (request_headers or {}).items()}.get("origin", "")


def _covers(allowed: str, origin: str) -> bool:
    if allowed == "*":
        return bool(origin)
    host, wildcard, _ = allowed.partition(":*")
    if not wildcard:
        return origin == allowed
    port = origin.removeprefix(host)
    return origin.startswith(host) and (port == "" or (port[:1] == ":" and port[1:].isdecimal()))
