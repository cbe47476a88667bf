"""HTTP requests of the client as values, and the transport that sends them with the standard library.

Other HTTP libraries need longer to import than a whole command of the command line may take.
"""

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.error import URLError
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, UnknownHandler

#: Failures after which the same request may succeed: a time limit, and a connection that broke. A wrong address stays
#: wrong.
_PASSING: Final = (
    TimeoutError,
    ConnectionResetError,
    ConnectionAbortedError,
    BrokenPipeError,
    ssl.SSLEOFError,
    http.client.HTTPException,
)


@dataclass(frozen=True)
class HttpCall:
    """One request."""

    method: str
    url: str
    #: They hold the key, which belongs into no log.
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class HttpReply:
    """The answer to a request, with the names of its headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Return True if the status is one of success."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the range of HTTP's success


@dataclass(frozen=True)
class NoReply:
    """The reason why a request has no answer, and whether a repetition may have one."""

    reason: str
    may_pass: bool


class Transport(Protocol):
    """Sends requests. It follows no redirect, so that the key goes to no other address."""

    def send(self, call: HttpCall) -> HttpReply | NoReply:
        """Send a request and return its whole answer."""


class UrllibTransport:
    """Transport of the standard library; it uses the proxies of the environment."""

    def __init__(self, *, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        # Neither redirects nor files: the key goes to no other address.
        self._opener = OpenerDirector()
        for handler in (ProxyHandler(), UnknownHandler(), HTTPHandler(), HTTPSHandler()):
            self._opener.add_handler(handler)

    def send(self, call: HttpCall) -> HttpReply | NoReply:
        """Send a request and return its whole answer."""
        try:
            request = Request(  # noqa: S310 - the opener reads no file
                call.url, data=call.body, headers=dict(call.headers), method=call.method
            )
            response: http.client.HTTPResponse = self._opener.open(request, timeout=self._timeout_seconds)
            with response:
                headers = {name.lower(): value for name, value in response.getheaders()}
                return HttpReply(response.status, headers, response.read())
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            return NoReply(str(reason) or type(reason).__name__, may_pass=isinstance(reason, _PASSING))
