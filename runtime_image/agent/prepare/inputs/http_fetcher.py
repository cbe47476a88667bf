"""Fetcher of http(s) links: a stated size that is too large is refused, and the bytes are counted as they come."""

from collections.abc import Iterable
from typing import Final

from guarded_http.client import GuardedHttp
from guarded_http.errors import LinkRefused, LinkUnavailable
from guarded_http.network import Deadline, Resolver
from runtime_image.process.clock import Clock

#: Bytes of what one link may bring.
MAX_LINK_BYTES: Final = 50 * 1024 * 1024
#: Seconds from the first look-up to the last byte.
LINK_SECONDS: Final = 20.0
#: Some servers refuse requests without a user agent.
_HEADERS: Final = {
    "User-Agent": "darkroom-agent/1",
    "Accept": "image/*,*/*;q=0.5",
    "Accept-Encoding": "identity",
}


class HttpFetcher:
    """Fetches links."""

    def __init__(
        self,
        *,
        resolve: Resolver,
        allowed_hosts: Iterable[str],
        clock: Clock,
        max_bytes: int = MAX_LINK_BYTES,
        limit_seconds: float = LINK_SECONDS,
    ) -> None:
        self._http = GuardedHttp(resolve=resolve, allowed_hosts=allowed_hosts)
        self._clock = clock
        self._max_bytes = max_bytes
        self._limit_seconds = limit_seconds

    def fetch(self, url: str) -> bytes:
        """Return what the link points to; raises LinkRefused or LinkUnavailable."""
        deadline = Deadline(clock=self._clock, seconds=self._limit_seconds)
        with self._http.get(url, headers=_HEADERS, deadline=deadline) as answer:
            if answer.status != 200:  # noqa: PLR2004 - HTTP's OK; a part or nothing is no picture
                raise LinkUnavailable(f"{answer.target.host} answered {answer.status}")
            length = answer.headers.get("content-length", "")
            if length.isdecimal() and int(length) > self._max_bytes:
                raise self._too_large()
            body = bytearray()
            for chunk in answer.chunks():
                if len(body) + len(chunk) > self._max_bytes:
                    raise self._too_large()
                body += chunk
        return bytes(body)

    def _too_large(self) -> LinkRefused:
        return LinkRefused(f"it is larger than {self._max_bytes // (1024 * 1024)} MiB")
