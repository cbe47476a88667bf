"""A hub for tests: repositories with lists of files, some behind a token, on another port of this machine."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any

from tests.harness.serving import QuietHandler, serving


@dataclass
class Hub:
    """`files` by repository and path; requests are recorded with their tokens."""

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    token: str | None = None
    #: Sent in place of the file of this path.
    spoiled: dict[str, bytes] = field(default_factory=dict)
    #: Whether answers say how long they are.
    tells_length: bool = True
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def answer(self, path: str, token: str | None) -> tuple[int, bytes]:
        self.asked.append((path, token))
        if self.token and token != f"Bearer {self.token}":
            return 401, b"{}"
        for repository, files in self.files.items():
            if path.startswith(f"/api/models/{repository}/tree/main"):
                return 200, json.dumps([_entry(name, content) for name, content in files.items()]).encode()
            name = path.partition("?")[0].removeprefix(f"/{repository}/resolve/main/")
            if name in files:
                return 200, self.spoiled.get(name, files[name])
        return 404, b"{}"

    @contextmanager
    def serve(self) -> Iterator[str]:
        hub = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                if self.path in hub.redirects:
                    self.send_response(302)
                    self.send_header("Location", hub.redirects[self.path])
                    self.end_headers()
                    return
                status, body = hub.answer(self.path, self.headers.get("Authorization"))
                self.send_response(status)
                if hub.tells_length:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
            yield f"http://127.0.0.1:{server.server_port}"


def safetensors(data: bytes) -> bytes:
    """Return a model of one tensor."""
    header = json.dumps({"weight": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}}).encode()
    return len(header).to_bytes(8, "little") + header + data


def _entry(name: str, content: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": name, "size": len(content)}
    if name.endswith(".safetensors"):
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content)}
    return entry
