"""A proxy in front of S3 that counts what passes, and cuts, spoils, delays or replaces the answers to GETs."""

import http.client
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from tests.harness.serving import QuietHandler, serving


@dataclass(frozen=True)
class Answer:
    """What goes back to the client."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    #: Bytes of the body after which the connection is closed.
    cut_after: int | None = None
    #: Seconds before each 16 KiB of the body.
    delay_seconds: float = 0.0


@dataclass
class Passed:
    """One request that passed."""

    method: str
    key: str
    range: str | None
    sent: int


Meddle = Callable[[Passed, Answer], Answer]


@dataclass
class FaultProxy:
    """`meddle` may change each answer to a GET of an object."""

    endpoint: str
    bucket: str
    meddle: Meddle = lambda request, answer: answer
    passed: list[Passed] = field(default_factory=list)
    url: str = ""

    @property
    def gets(self) -> list[Passed]:
        return [request for request in self.passed if request.method == "GET" and request.key]

    def bytes_sent(self) -> int:
        return sum(request.sent for request in self.gets)

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=20)
        connection.request(method, target, body, {k: v for k, v in headers.items() if k.lower() != "connection"})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return Answer(response.status, dict(response.getheaders()), content)

    def key_of(self, target: str) -> str:
        path = unquote(urlsplit(target).path)
        return path.removeprefix(f"/{self.bucket}").removeprefix("/")

    @contextmanager
    def serve(self) -> Iterator["FaultProxy"]:
        proxy = self

        class Handler(QuietHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Passed(self.command, proxy.key_of(self.path), self.headers.get("Range"), 0)
                proxy.passed.append(request)
                answer = proxy.answer(self.command, self.path, dict(self.headers), body)
                if request in proxy.gets:
                    answer = proxy.meddle(request, answer)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in {"connection", "date", "server", "transfer-encoding", "content-length"}:
                        self.send_header(name, value)
                length = answer.headers.get("Content-Length") or answer.headers.get("content-length")
                self.send_header("Content-Length", length or str(len(answer.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self._send(request, answer)

            do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

            def _send(self, request: Passed, answer: Answer) -> None:
                end = len(answer.body) if answer.cut_after is None else answer.cut_after
                try:
                    for start in range(0, end, 16384):
                        time.sleep(answer.delay_seconds)
                        block = answer.body[start : min(start + 16384, end)]
                        self.wfile.write(block)
                        request.sent += len(block)
                except OSError:
                    self.close_connection = True
                if answer.cut_after is not None:
                    self.close_connection = True

        with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
            self.url = f"http://127.0.0.1:{server.server_port}"
            yield self


def cut(answer: Answer, after: int) -> Answer:
    """Return an answer whose connection ends early."""
    return replace(answer, cut_after=min(after, len(answer.body)))


def spoil(answer: Answer) -> Answer:
    """Return an answer with one bit of its body turned."""
    return replace(answer, body=bytes([answer.body[0] ^ 1]) + answer.body[1:])


def refuse(status: int, code: str) -> Answer:
    """Return S3's way to say no."""
    return Answer(status, {"Content-Type": "application/xml"}, f"<Error><Code>{code}</Code></Error>".encode())
