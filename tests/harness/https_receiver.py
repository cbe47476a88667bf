"""HTTPS endpoint that receives webhooks and pictures: records its requests, and answers as the test says."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme

from tests.harness.serving import QuietHandler, serving

WebhookAnswer = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


class HttpsReceiver(ThreadingHTTPServer):
    """WebhookAnswers 200 where `answers` has nothing for a path; `authorities` is the file that clients must trust."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.received: list[Received] = []
        self.answers: dict[str, WebhookAnswer] = {}
        receiver = self

        class RequestHandler(QuietHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, body))
                receiver.answers.get(self.path, status(200))(self)

            do_PUT = do_POST

        super().__init__(("127.0.0.1", 0), RequestHandler)
        authority = trustme.CA()
        self.authorities = folder / "authorities.pem"
        authority.cert_pem.write_to_path(str(self.authorities))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "hooks.example").configure_cert(context)
        # The handshake runs in the thread of its request, so that a refusing client blocks no other.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, *_: object) -> None:
        """Clients that break off are part of the tests."""

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"https://{host}:{self.server_port}{path}"

    def of(self, path: str) -> list[Received]:
        return [request for request in list(self.received) if request.path == path]


def status(code: int, **headers: str) -> WebhookAnswer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            request.send_header(name, value)
        request.end_headers()

    return answer


@contextmanager
def https_receiver(folder: Path) -> Iterator[HttpsReceiver]:
    with serving(HttpsReceiver(folder)) as server:
        yield server
