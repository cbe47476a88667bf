"""Fetching over real HTTP: redirects, sizes, trickles and names that lead elsewhere."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from guarded_http.client import GuardedHttp
from guarded_http.errors import LinkRefused, LinkUnavailable
from guarded_http.network import first_private
from runtime_image.agent.prepare.inputs.fetchers import HttpFetcher
from runtime_image.process.clock import Clock
from tests.harness.serving import QuietHandler, serving

Handler = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """Answers each path by a function of the test."""

    daemon_threads = True

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.paths: list[str] = []
        server = self

        class RequestHandler(QuietHandler):
            def do_GET(self) -> None:
                server.paths.append(self.path)
                try:
                    server.handlers[self.path](self)
                except OSError:
                    self.close_connection = True

        super().__init__(("127.0.0.1", 0), RequestHandler)

    @property
    def host(self) -> str:
        return f"public.example:{self.server_port}"

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as server:
        yield server


def answer(status: int, body: bytes = b"", **headers: str) -> Handler:
    def handle(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return handle


def fetcher(server: Server, **changes: float) -> HttpFetcher:
    def resolve(host: str, _port: int) -> list[str]:
        if host == "nowhere.example":
            raise socket.gaierror
        return ["127.0.0.1"] if host == "public.example" else ["10.0.0.1"] if host == "private.example" else [host]

    limit_seconds, max_bytes = changes.get("limit_seconds", 5.0), int(changes.get("max_bytes", 1024 * 1024))
    http = GuardedHttp(resolve=resolve, allowed_hosts=[server.host])
    return HttpFetcher(http=http, clock=Clock(), limit_seconds=limit_seconds, max_bytes=max_bytes)


def test_a_link_is_fetched_through_redirects(server: Server) -> None:
    server.handlers["/a"] = answer(302, Location="/b?c=d")
    server.handlers["/b?c=d"] = answer(200, b"picture")

    assert fetcher(server).fetch(server.url("/a#fragment")) == b"picture"


def test_letters_and_blanks_in_a_redirect_are_followed(server: Server) -> None:
    # The server writes latin-1, so these are the bytes of UTF-8.
    server.handlers["/a"] = answer(302, Location="/日 本.png".encode().decode("latin-1"))
    server.handlers["/%E6%97%A5%20%E6%9C%AC.png"] = answer(200, b"picture")

    assert fetcher(server).fetch(server.url("/a")) == b"picture"


def test_a_server_is_asked_for_formats_that_are_accepted(server: Server) -> None:
    asked: list[str] = []

    def negotiate(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.headers["Accept"])
        answer(200, b"picture")(request)

    server.handlers["/"] = negotiate
    fetcher(server).fetch(server.url("/"))
    assert asked == ["image/png, image/jpeg, image/webp, image/gif, image/bmp, image/tiff, */*;q=0.5"]


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://private.example/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "file:///etc/passwd",
        "http://user@public.example/",
    ],
)
def test_a_redirect_is_checked_like_the_link(server: Server, target: str) -> None:
    server.handlers["/"] = answer(301, Location=target)

    with pytest.raises(LinkRefused):
        fetcher(server).fetch(server.url("/"))


def test_the_exception_is_for_that_port_only(server: Server) -> None:
    with pytest.raises(LinkRefused, match=r"public\.example is not a public address$"):
        fetcher(server).fetch("http://public.example:1/")


def test_one_private_address_among_public_ones_is_found() -> None:
    assert first_private(["1.1.1.1", "2606:4700:4700::1111"]) is None
    assert first_private(["1.1.1.1", "127.0.0.1"]) == "127.0.0.1"
    assert first_private(["1.1.1.1", "garbage"]) == "garbage"


def test_an_endless_redirect_ends(server: Server) -> None:
    server.handlers["/"] = answer(307, Location="/")

    with pytest.raises(LinkUnavailable, match="redirects more than"):
        fetcher(server).fetch(server.url("/"))
    assert len(server.paths) == 6


@pytest.mark.parametrize("encoding", ["gzip", "GZIP"])
def test_what_was_stored_packed_is_unpacked(server: Server, encoding: str) -> None:
    server.handlers["/"] = answer(200, gzip.compress(b"picture"), **{"Content-Encoding": encoding})
    assert fetcher(server).fetch(server.url("/")) == b"picture"

    server.handlers["/"] = answer(200, gzip.compress(bytes(2**20 + 1)), **{"Content-Encoding": encoding})
    with pytest.raises(LinkRefused, match="larger than 1 MiB"):
        fetcher(server).fetch(server.url("/"))


def test_a_body_in_chunks_and_without_a_type_is_read(server: Server) -> None:
    def chunked(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\npic\r\n4\r\nture\r\n0\r\n\r\n")
        request.close_connection = True

    server.handlers["/"] = chunked
    assert fetcher(server).fetch(server.url("/")) == b"picture"


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("/a%20b.png", "/a%20b.png"),
        ("/a b.png?c d", "/a%20b.png?c%20d"),
        ("/ümlaut/日本.png", "/%C3%BCmlaut/%E6%97%A5%E6%9C%AC.png"),
        # The signature of a presigned link is for these bytes.
        ("/k%2Fx+y=.png?X-Amz-Signature=a%2Fb+c%3D%3D&x=~*'()", "/k%2Fx+y=.png?X-Amz-Signature=a%2Fb+c%3D%3D&x=~*'()"),
    ],
)
def test_a_path_is_sent_as_it_was_signed(server: Server, written: str, sent: str) -> None:
    server.handlers[sent] = answer(200, b"picture")
    assert fetcher(server).fetch(server.url(written)) == b"picture"
    assert server.paths == [sent]


def test_a_large_body_is_cut_off(server: Server) -> None:
    sent = []

    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while True:
            request.wfile.write(b"x" * 65536)
            sent.append(65536)

    server.handlers["/"] = endless

    with pytest.raises(LinkRefused, match="larger than 1 MiB"):
        fetcher(server).fetch(server.url("/"))
    # What fits into the sockets' buffers comes on top.
    assert sum(sent) < 20 * 1024 * 1024


def test_a_body_that_says_itself_that_it_is_too_large_is_not_read(server: Server) -> None:
    def announce(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(1024 * 1024 + 1))
        request.end_headers()

    server.handlers["/"] = announce

    # None of it ever comes, which would be reported as another error.
    with pytest.raises(LinkRefused, match="larger than 1 MiB"):
        fetcher(server).fetch(server.url("/"))


@pytest.mark.parametrize("with_headers", [True, False])
def test_a_trickle_ends_at_the_deadline(server: Server, *, with_headers: bool) -> None:
    def trickle(request: BaseHTTPRequestHandler) -> None:
        if with_headers:
            request.send_response(200)
            request.end_headers()
        else:
            request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while True:
            request.wfile.write(b"x")
            time.sleep(0.05)

    server.handlers["/"] = trickle

    with pytest.raises(LinkUnavailable):
        fetcher(server, limit_seconds=0.5).fetch(server.url("/"))


def test_a_resolver_that_hangs_ends_at_the_deadline(server: Server) -> None:
    released = threading.Event()

    def resolve(_host: str, _port: int) -> list[str]:
        released.wait(10)
        return []

    slow = HttpFetcher(http=GuardedHttp(resolve=resolve, allowed_hosts=[]), clock=Clock(), limit_seconds=0.2)
    with pytest.raises(LinkUnavailable, match="could not be resolved in time"):
        slow.fetch(server.url("/"))
    released.set()


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (answer(404), "answered 404$"),
        (answer(403), "answered 403: it is private, or its time has passed"),
        (answer(500), "answered 500"),
        (answer(302), "without saying where"),
        (answer(302, Location="http://[broken"), "not a URL"),
        (lambda request: request.wfile.write(b"garbage\r\n\r\n"), "did not answer properly"),
        (lambda request: request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), "did not answer"),
    ],
)
def test_bad_answers_are_errors_with_a_reason(server: Server, handler: Handler, reason: str) -> None:
    server.handlers["/"] = handler

    with pytest.raises((LinkUnavailable, LinkRefused), match=reason):
        fetcher(server).fetch(server.url("/"))


def test_a_name_that_does_not_exist_is_an_error(server: Server) -> None:
    with pytest.raises(LinkUnavailable, match=r"nowhere\.example cannot be resolved"):
        fetcher(server).fetch("http://nowhere.example/")
    closed = GuardedHttp(resolve=lambda *_: ["127.0.0.1"], allowed_hosts=["closed.example:9"])
    with pytest.raises(LinkUnavailable, match="does not accept connections"):
        HttpFetcher(http=closed, clock=Clock(), limit_seconds=2).fetch("http://closed.example:9/")


def test_proxy_variables_are_ignored(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.handlers["/"] = answer(200, b"picture")

    assert fetcher(server).fetch(server.url("/")) == b"picture"
