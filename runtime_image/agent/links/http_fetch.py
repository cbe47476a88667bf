"""Fetches http(s) links: redirects by hand, each checked like the first, the size counted as it comes."""

import ssl
from collections.abc import Iterable
from typing import Final
from urllib.parse import urljoin

import httpcore

from runtime_image.agent.clock import Clock
from runtime_image.agent.errors import LinkRefused, LinkUnavailable
from runtime_image.agent.links.network import Deadline, GuardedNetwork, Resolver
from runtime_image.agent.links.url import HttpUrl, parse_http_url

#: Bytes of what one link may bring.
MAX_LINK_BYTES: Final = 50 * 1024 * 1024
#: Seconds from the first look-up to the last byte.
LINK_SECONDS: Final = 20.0
#: Redirects that are followed: real ones need one or two (http to https, bucket to region).
MAX_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
#: Some servers refuse requests without one.
USER_AGENT: Final = b"darkroom-agent/1"


class HttpFetcher:
    """Fetches links. Proxy settings of the process are not looked at: a proxy would resolve names behind our back."""

    def __init__(
        self,
        *,
        resolve: Resolver,
        allowed_hosts: Iterable[str],
        clock: Clock,
        max_bytes: int = MAX_LINK_BYTES,
        limit_seconds: float = LINK_SECONDS,
    ) -> None:
        self._resolve = resolve
        self._allowed_hosts = frozenset(host.lower() for host in allowed_hosts)
        self._clock = clock
        self._max_bytes = max_bytes
        self._limit_seconds = limit_seconds
        self._ssl_context: ssl.SSLContext | None = None

    def fetch(self, url: str) -> bytes:
        """Return what the link points to; raises LinkRefused or LinkUnavailable."""
        target = parse_http_url(url)
        deadline = Deadline(clock=self._clock, seconds=self._limit_seconds)
        network = GuardedNetwork(resolve=self._resolve, is_allowed=self._is_allowed, deadline=deadline)
        for _ in range(MAX_REDIRECTS + 1):
            try:
                answer = self._get(network, target, deadline)
            except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
                reason = str(error) or type(error).__name__
                raise LinkUnavailable(f"{target.host} did not answer properly: {reason[:200]}") from error
            if isinstance(answer, bytearray):
                return bytes(answer)
            target = answer
        raise LinkUnavailable(f"it redirects more than {MAX_REDIRECTS} times")

    def _get(self, network: GuardedNetwork, target: HttpUrl, deadline: Deadline) -> bytearray | HttpUrl:
        url = httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=target.port,
            target=target.target.encode(),
        )
        headers = [
            (b"Host", target.authority.encode()),
            (b"User-Agent", USER_AGENT),
            (b"Accept", b"image/*,*/*;q=0.5"),
            (b"Accept-Encoding", b"identity"),
        ]
        with (
            httpcore.ConnectionPool(network_backend=network, ssl_context=self._context(target)) as pool,
            pool.stream("GET", url, headers=headers) as response,
        ):
            if response.status in _REDIRECTS:
                return _redirect(target, response)
            if response.status != 200:  # noqa: PLR2004 - HTTP's OK; a part or nothing is no picture
                raise LinkUnavailable(f"{target.host} answered {response.status}")
            body = bytearray()
            for chunk in response.iter_stream():
                body += chunk
                if len(body) > self._max_bytes:
                    raise LinkRefused(f"it is larger than {self._max_bytes // (1024 * 1024)} MiB")
                deadline.rest_seconds()
            return body

    def _context(self, target: HttpUrl) -> ssl.SSLContext | None:
        # Loading the certificate authorities takes about 20 ms, so it is done once.
        if target.scheme == "https" and self._ssl_context is None:
            self._ssl_context = ssl.create_default_context()
        return self._ssl_context

    def _is_allowed(self, host: str, port: int) -> bool:
        host = host.lower()
        bracketed = f"[{host}]" if ":" in host else host
        return bool(self._allowed_hosts & {host, f"{bracketed}:{port}"})


def _redirect(source: HttpUrl, response: httpcore.Response) -> HttpUrl:
    for name, value in response.headers:
        if name.lower() == b"location":
            try:
                return parse_http_url(urljoin(str(source), value.decode()))
            except ValueError:
                raise LinkUnavailable(f"{source.host} redirects to something that is not a URL") from None
    raise LinkUnavailable(f"{source.host} redirects without saying where to")
