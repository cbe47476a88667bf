"""Client of webhook endpoints: POSTs a signed body and judges the response by its status alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from guarded_http.client import GuardedHttp
from guarded_http.errors import LinkRefused, LinkUnavailable
from guarded_http.network import Deadline, MonotonicClock
from guarded_http.url import HttpUrl, parse_http_url
from lambdas.runtime.observability import logger

#: Seconds from the DNS look-up to the status line of the response.
ATTEMPT_SECONDS: Final = 15.0
_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": "darkroom-webhook/1", "Accept": "*/*"}


@dataclass(frozen=True)
class Attempt:
    """Result of an attempt: the HTTP status of the endpoint, or the reason why no status arrived."""

    status: int | None
    error: str | None = None
    #: True if another attempt is useless.
    ends: bool = False

    @property
    def is_delivered(self) -> bool:
        """Return True if the endpoint accepted the webhook: any 2xx."""
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class WebhookClient:
    """Makes attempts. It follows no redirects, and never reads the body of a response."""

    def __init__(self, *, http: GuardedHttp, clock: MonotonicClock, attempt_seconds: float = ATTEMPT_SECONDS) -> None:
        self._http = http
        self._clock = clock
        self._attempt_seconds = attempt_seconds

    def attempt(self, url: str, body: bytes, headers: Mapping[str, str]) -> Attempt:
        """POST `body` to `url`; a failure of the endpoint is the result of the attempt, not an exception."""
        try:
            target = _https_url(url)
            deadline = Deadline(clock=self._clock, seconds=self._attempt_seconds)
            with self._http.exchange(
                "POST", target, headers={**_HEADERS, **headers}, content=body, deadline=deadline
            ) as response:
                return _judge(response.status)
        except LinkRefused as error:
            if error.private_address:
                logger().warning("private_address_refused", reason=error.message, address=error.private_address)
            return Attempt(None, error=error.message, ends=True)
        except LinkUnavailable as error:
            return Attempt(None, error=error.message)


def _https_url(url: str) -> HttpUrl:
    target = parse_http_url(url)
    if target.scheme != "https":
        raise LinkRefused("only https:// URLs are called")
    return target


def _judge(status: int) -> Attempt:
    if status == HTTPStatus.GONE:
        return Attempt(status, error="the endpoint wants no more of it", ends=True)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Attempt(status, error="redirects are not followed; write the final address")
    return Attempt(status)
