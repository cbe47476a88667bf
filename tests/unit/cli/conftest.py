"""A small HTTP API that answers as documented, for the commands to talk to."""

import json
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.harness.local_endpoints import write_local_endpoints
from tests.harness.serving import QuietHandler, serving
from tests.unit.cli.fake_api import FakeApi

KEY = "the-key"
PNG = b"\x89PNG\r\n\x1a\nnot much of a picture"


@pytest.fixture
def api() -> Iterator[FakeApi]:
    fake = FakeApi()

    class Handler(QuietHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if ".png" in self.path:
                # A presigned link is another server's: our key must not travel there.
                sent = {"x-api-key", "authorization"} & {name.lower() for name in self.headers}
                status, answer = (400, b"") if sent else (200, PNG)
            elif self.path == "/form":
                fake.uploaded.append((self.headers["Content-Type"], body))
                status, answer = 204, b""
            elif self.headers.get("x-api-key") != KEY or self.headers.get("authorization") != f"Bearer {KEY}":
                status, answer = 401, b'{"error": {"code": "unauthorized", "message": "wrong key"}}'
            else:
                status, value = fake.answer(self.command, self.path, body)
                answer = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_DELETE = handle_any

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        fake.url = f"http://127.0.0.1:{server.server_port}"
        yield fake


@pytest.fixture
def state_directory(tmp_path: Path, api: FakeApi) -> Path:
    write_endpoints(tmp_path, api.url)
    return tmp_path


def write_endpoints(directory: Path, url: str, key: str = KEY) -> None:
    write_local_endpoints(directory, http_url=url, api_key=key)
