"""Requests over guarded connections: one exchange, or a GET through redirects, each checked like the first address."""

import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Final
from urllib.parse import urljoin

import httpcore

from guarded_http.errors import LinkUnavailable
from guarded_http.network import Deadline, GuardedNetwork, Resolver
from guarded_http.url import DEFAULT_PORTS, HttpUrl, parse_http_url

#: Redirects that are followed: real ones need one or two (http to https, bucket to region).
MAX_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
#: Headers for the host that the caller named; a redirect to another host drops them.
_PRIVATE_HEADERS: Final = frozenset({"authorization", "cookie"})
_FAILURES: Final = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError)


class GuardedResponse:
    """Response of a server; its body arrives while it is read."""

    def __init__(self, target: HttpUrl, response: httpcore.Response) -> None:
        #: The address that answered, after redirects.
        self.target = target
        self.status = response.status
        #: By name in lower case; the last value of a repeated name.
        self.headers: Mapping[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
        }
        self._response = response

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it arrives; raises LinkUnavailable if it breaks off or the deadline passes."""
        with _failures_of(self.target):
            chunks = self._response.iter_stream()
        while True:
            with _failures_of(self.target):
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk


class GuardedHttp:
    """Sends requests. Proxy settings of the process are ignored, because a proxy would resolve names unchecked.

    `allowed_hosts` names each `host` or `host:port` that may be reached although its address is not public. A host
    without a port may be reached on the ports of http and https.
    """

    def __init__(self, *, resolve: Resolver, allowed_hosts: Iterable[str]) -> None:
        self._resolve = resolve
        self._allowed_hosts = frozenset(host.lower() for host in allowed_hosts)
        self._ssl_context: ssl.SSLContext | None = None

    @contextmanager
    def exchange(
        self,
        method: str,
        target: HttpUrl,
        *,
        headers: Mapping[str, str],
        deadline: Deadline,
        content: bytes | Iterator[bytes] = b"",
    ) -> Iterator[GuardedResponse]:
        """Send one request and yield its response, a redirect included; raises LinkRefused or LinkUnavailable.

        The headers of an iterator have its `Content-Length`.
        """
        network = GuardedNetwork(resolve=self._resolve, is_allowed=self.is_allowed, deadline=deadline)
        url = httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=target.port,
            target=target.target.encode(),
        )
        sent = [(b"Host", target.authority.encode())]
        sent += [(name.encode(), value.encode()) for name, value in headers.items()]
        if content and isinstance(content, bytes):
            sent.append((b"Content-Length", str(len(content)).encode()))
        with ExitStack() as stack:
            with _failures_of(target):
                pool = httpcore.ConnectionPool(network_backend=network, ssl_context=self._context(target))
                stack.enter_context(pool)
                response = stack.enter_context(pool.stream(method, url, headers=sent, content=content or None))
            yield GuardedResponse(target, response)

    @contextmanager
    def get(self, url: str, *, headers: Mapping[str, str], deadline: Deadline) -> Iterator[GuardedResponse]:
        """Yield the response to a GET after its redirects; raises LinkRefused or LinkUnavailable."""
        target = parse_http_url(url)
        for _ in range(MAX_REDIRECTS + 1):
            with self.exchange("GET", target, headers=headers, deadline=deadline) as answer:
                if answer.status not in _REDIRECTS:
                    yield answer
                    return
                following = _redirect(answer)
            if following.authority != target.authority or following.scheme != target.scheme:
                headers = {name: value for name, value in headers.items() if name.lower() not in _PRIVATE_HEADERS}
            target = following
        raise LinkUnavailable(f"it redirects more than {MAX_REDIRECTS} times")

    def is_allowed(self, host: str, port: int) -> bool:
        """Return True if the environment allows a host whatever its address."""
        host = f"[{host}]" if ":" in host else host.lower()
        names = {f"{host}:{port}", *([host] if port in DEFAULT_PORTS.values() else [])}
        return bool(self._allowed_hosts & names)

    def _context(self, target: HttpUrl) -> ssl.SSLContext | None:
        # Loading the certificate authorities takes about 20 ms, so it is done once.
        if target.scheme == "https" and self._ssl_context is None:
            self._ssl_context = ssl.create_default_context()
        return self._ssl_context


def _redirect(answer: GuardedResponse) -> HttpUrl:
    source = answer.target
    location = answer.headers.get("location")
    if location is None:
        raise LinkUnavailable(f"{source.host} redirects without saying where to")
    with suppress(UnicodeError):
        # Servers write letters beyond ASCII as they are, in UTF-8.
        location = location.encode("latin-1").decode()
    try:
        return parse_http_url(urljoin(str(source), location))
    except ValueError:
        raise LinkUnavailable(f"{source.host} redirects to something that is not a URL") from None


@contextmanager
def _failures_of(target: HttpUrl) -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        reason = str(error) or type(error).__name__
        raise LinkUnavailable(f"{target.host} did not answer properly: {reason[:200]}") from error
