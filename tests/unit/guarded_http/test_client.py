"""Requests over real HTTP: what is sent, what is followed, and what a redirect does not get to see."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import httpcore
import pytest

from guarded_http.client import GuardedHttp
from guarded_http.errors import LinkRefused, LinkUnavailable
from guarded_http.network import CONNECT_SECONDS, MAX_ADDRESSES_TRIED, Deadline
from guarded_http.url import HttpUrl, parse_http_url
from tests.harness.serving import QuietHandler, serving
from tests.harness.still_clock import StillClock


class Server(ThreadingHTTPServer):
    """Redirects `/to?URL` and answers everything else with what was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        server = self

        class RequestHandler(QuietHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.requests.append((self.command, self.path, headers, body))
                path, _, target = self.path.partition("?")
                self.send_response(302 if path == "/to" else 201)
                if path == "/to":
                    self.send_header("Location", target)
                self.send_header("X-Seen", "Yes")
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer

        super().__init__(("127.0.0.1", 0), RequestHandler)

    def url(self, path: str, host: str = "one.example") -> str:
        return f"http://{host}:{self.server_port}{path}"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as server:
        yield server


def client(*allowed_hosts: str) -> GuardedHttp:
    return GuardedHttp(resolve=lambda *_: ["127.0.0.1"], allowed_hosts=allowed_hosts)


def deadline() -> Deadline:
    return Deadline(clock=time, seconds=20)


def target_of(server: Server, path: str) -> HttpUrl:
    return parse_http_url(server.url(path))


def test_a_body_is_posted_and_answered(server: Server) -> None:
    with client(f"one.example:{server.server_port}").exchange(
        "POST", target_of(server, "/x?y"), headers={"X-Key": "ä"}, content=b"12345", deadline=deadline()
    ) as answer:
        assert (answer.status, answer.headers["x-seen"], b"".join(answer.chunks())) == (201, "Yes", b"12345")
    ((method, path, headers, body),) = server.requests
    assert (method, path, headers["host"], body) == ("POST", "/x?y", f"one.example:{server.server_port}", b"12345")


def test_one_exchange_follows_nothing(server: Server) -> None:
    with client(f"one.example:{server.server_port}").exchange(
        "POST", target_of(server, "/to?/elsewhere"), headers={}, content=b"1", deadline=deadline()
    ) as answer:
        assert answer.status == 302
    assert len(server.requests) == 1


def test_a_key_is_not_shown_to_the_host_that_a_redirect_names(server: Server) -> None:
    here = server.url(f"/to?{server.url('/last', host='two.example')}")
    headers = {"Authorization": "Bearer key", "X-Other": "1"}
    with client(*(f"{name}.example:{server.server_port}" for name in ("one", "two"))).get(
        server.url(f"/to?{here}"), headers=headers, deadline=deadline()
    ) as answer:
        assert str(answer.target) == server.url("/last", host="two.example")
    seen = [("authorization" in headers, headers["x-other"]) for _, _, headers, _ in server.requests]
    assert seen == [(True, "1"), (True, "1"), (False, "1")]


def test_a_post_is_guarded_like_a_get_and_only_the_log_learns_the_address(server: Server) -> None:
    with (
        pytest.raises(LinkRefused) as refusal,
        client().exchange("POST", target_of(server, "/"), headers={}, content=b"1", deadline=deadline()),
    ):
        pass
    assert not server.requests
    assert refusal.value.message == "one.example is not a public address"
    assert refusal.value.private_address == "127.0.0.1"


def test_a_host_without_a_port_is_allowed_on_the_ports_of_the_web_only() -> None:
    http = client("intranet.example", "[fd00::1]", "other.example:8080")
    assert [http.is_allowed("Intranet.example", port) for port in (80, 443, 22)] == [True, True, False]
    assert [http.is_allowed("fd00::1", port) for port in (443, 8080)] == [True, False]
    assert [http.is_allowed("other.example", port) for port in (8080, 443)] == [True, False]


@pytest.mark.parametrize("addresses", [["1.1.1.1", "10.0.0.1"], ["10.0.0.1", "1.1.1.1"], ["1.1.1.1", "::1"]])
def test_a_name_with_one_address_that_is_not_public_is_refused_before_any_is_connected_to(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[str] = []

    def connect(_: httpcore.SyncBackend, host: str, *__: object, **___: object) -> httpcore.NetworkStream:
        connected.append(host)
        raise httpcore.ConnectError

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    http = GuardedHttp(resolve=lambda *_: addresses, allowed_hosts=())
    target = parse_http_url("https://mixed.example/")
    with (
        pytest.raises(LinkRefused, match="not a public address"),
        http.exchange("GET", target, headers={}, deadline=deadline()),
    ):
        pass
    assert connected == []


@pytest.mark.parametrize(("seconds", "timeout_seconds"), [(20, CONNECT_SECONDS), (3, 3)])
def test_a_dead_address_leaves_time_for_the_next(
    seconds: float, timeout_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[tuple[str, float]] = []

    def connect(_: httpcore.SyncBackend, host: str, port: int, timeout: float, *__: object) -> httpcore.NetworkStream:
        tried.append((host, timeout))
        raise httpcore.ConnectTimeout

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    addresses = [f"1.1.1.{number}" for number in range(MAX_ADDRESSES_TRIED + 1)]
    http = GuardedHttp(resolve=lambda *_: addresses, allowed_hosts=())
    with (
        pytest.raises(LinkUnavailable, match="does not accept connections on port 443"),
        http.get("https://dead.example/", headers={}, deadline=Deadline(clock=StillClock(), seconds=seconds)),
    ):
        pytest.fail("no address has answered")
    assert tried == [(address, timeout_seconds) for address in addresses[:MAX_ADDRESSES_TRIED]]


def test_a_server_that_reads_slowly_does_not_stretch_the_deadline() -> None:
    content, done = bytes(64 * 1024**2), threading.Event()

    def read_slowly(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            while not done.is_set() and connection.recv(64 * 1024):
                time.sleep(0.005)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        reader = threading.Thread(target=read_slowly, args=(listener,))
        reader.start()
        began_at = time.monotonic()
        try:
            with (
                pytest.raises(LinkUnavailable),
                client(f"one.example:{port}").exchange(
                    "POST",
                    parse_http_url(f"http://one.example:{port}/"),
                    headers={},
                    content=content,
                    deadline=Deadline(clock=time, seconds=0.5),
                ),
            ):
                pytest.fail("the server has not answered")
            assert time.monotonic() - began_at < 2
        finally:
            done.set()
            reader.join()
