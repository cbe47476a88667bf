"""Proxy in front of S3 that counts requests, and cuts, corrupts, delays or replaces the responses to GETs."""

import http.client
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from tests.harness.serving import QuietHandler, serving

#: Bytes of the body that are sent at a time.
BLOCK_BYTES = 16 * 1024


@dataclass(frozen=True)
class ProxyResponse:
    """Response to the client."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    #: Bytes of the body after which the connection is closed.
    cut_after: int | None = None
    #: Seconds before each block of the body.
    delay_seconds: float = 0.0


@dataclass
class ProxyRequest:
    """Request that passed the proxy."""

    method: str
    key: str
    range: str | None
    sent: int = 0


Fault = Callable[[ProxyRequest, ProxyResponse], ProxyResponse]


@dataclass
class FaultProxy:
    """`fault` may change the response to each GET of an object."""

    endpoint: str
    bucket: str
    fault: Fault = lambda request, response: response
    requests: list[ProxyRequest] = field(default_factory=list)
    url: str = ""

    @property
    def gets(self) -> list[ProxyRequest]:
        return [request for request in self.requests if request.method == "GET" and request.key]

    def bytes_sent(self) -> int:
        return sum(request.sent for request in self.gets)

    def forward(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> ProxyResponse:
        connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=20)
        connection.request(method, target, body, {k: v for k, v in headers.items() if k.lower() != "connection"})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return ProxyResponse(response.status, dict(response.getheaders()), content)

    def key_of(self, target: str) -> str:
        path = unquote(urlsplit(target).path)
        return path.removeprefix(f"/{self.bucket}").removeprefix("/")

    @contextmanager
    def serve(self) -> Iterator["FaultProxy"]:
        proxy = self

        class ProxyHandler(QuietHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = ProxyRequest(self.command, proxy.key_of(self.path), self.headers.get("Range"))
                proxy.requests.append(request)
                response = proxy.forward(self.command, self.path, dict(self.headers), body)
                if request in proxy.gets:
                    response = proxy.fault(request, response)
                self.send_response(response.status)
                for name, value in response.headers.items():
                    if name.lower() not in {"connection", "date", "server", "transfer-encoding", "content-length"}:
                        self.send_header(name, value)
                length = response.headers.get("Content-Length") or response.headers.get("content-length")
                self.send_header("Content-Length", length or str(len(response.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self._send(request, response)

            do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

            def _send(self, request: ProxyRequest, response: ProxyResponse) -> None:
                end = len(response.body) if response.cut_after is None else response.cut_after
                try:
                    for start in range(0, end, BLOCK_BYTES):
                        time.sleep(response.delay_seconds)
                        block = response.body[start : min(start + BLOCK_BYTES, end)]
                        self.wfile.write(block)
                        request.sent += len(block)
                except OSError:
                    self.close_connection = True
                if response.cut_after is not None:
                    self.close_connection = True

        with serving(ThreadingHTTPServer(("127.0.0.1", 0), ProxyHandler)) as server:
            self.url = f"http://127.0.0.1:{server.server_port}"
            yield self


def cut(response: ProxyResponse, after: int) -> ProxyResponse:
    """Return a response whose connection ends early."""
    return replace(response, cut_after=min(after, len(response.body)))


def corrupt(response: ProxyResponse) -> ProxyResponse:
    """Return a response with one bit of its body flipped."""
    return replace(response, body=bytes([response.body[0] ^ 1]) + response.body[1:])


def refuse(status: int, code: str) -> ProxyResponse:
    """Return an error of S3."""
    return ProxyResponse(status, {"Content-Type": "application/xml"}, f"<Error><Code>{code}</Code></Error>".encode())
