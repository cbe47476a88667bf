"""Failures of a connection, and which of them a repetition may pass."""

from http.server import HTTPServer
from socketserver import BaseRequestHandler

from darkroom.http_exchange import HttpCall, NoReply, UrllibTransport
from tests.harness.serving import serving


class ClosesInTheHandshake(BaseRequestHandler):
    """Reads the beginning of a TLS handshake and closes, as a load balancer does that is about to end."""

    def handle(self) -> None:
        self.request.recv(65_536)


def test_a_connection_that_ends_in_its_handshake_may_pass() -> None:
    with serving(HTTPServer(("127.0.0.1", 0), ClosesInTheHandshake)) as server:
        reply = UrllibTransport(timeout_seconds=10).send(HttpCall("GET", f"https://127.0.0.1:{server.server_port}"))
    assert isinstance(reply, NoReply)
    assert (reply.may_pass, "EOF" in reply.reason) == (True, True)
