"""Transports of a client: failures of a connection, and what a client keeps of an answer."""

import asyncio
import weakref
from concurrent.futures import ThreadPoolExecutor
from http.server import HTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler

import darkroom
from darkroom.http_exchange import HttpCall, HttpReply, NoReply, UrllibTransport
from tests.harness.serving import serving
from tests.unit.darkroom.fake_transport import task


class ClosesInTheHandshake(BaseRequestHandler):
    """Reads the beginning of a TLS handshake and closes, as a load balancer does that is about to end."""

    def handle(self) -> None:
        self.request.recv(65_536)


def test_a_connection_that_ends_in_its_handshake_may_pass() -> None:
    with serving(HTTPServer(("127.0.0.1", 0), ClosesInTheHandshake)) as server:
        reply = UrllibTransport(timeout_seconds=10).send(HttpCall("GET", f"https://127.0.0.1:{server.server_port}"))
    assert isinstance(reply, NoReply)
    assert (reply.may_pass, "EOF" in reply.reason) == (True, True)


class CountsAnswers:
    """Answers with a file, and counts the earlier answers that are still in memory."""

    def __init__(self) -> None:
        self.kept: list[int] = []
        self._answers: list[weakref.ref[HttpReply]] = []

    def send(self, call: HttpCall) -> HttpReply:
        self.kept.append(sum(answer() is not None for answer in self._answers))
        reply = HttpReply(200, {}, call.url.encode())
        self._answers.append(weakref.ref(reply))
        return reply


def test_saving_keeps_one_file_in_memory(tmp_path: Path) -> None:
    outputs = [{"s3_url": f"s3://b/a/{number}.mp4", "url": f"https://s3/{number}"} for number in range(3)]
    done = darkroom.TaskSnapshot.of(task("COMPLETED", outputs=outputs))
    blocking, awaited = CountsAnswers(), CountsAnswers()
    darkroom.Client("https://api.example", "key", transport=blocking).save(done, tmp_path)

    async def save() -> None:
        # A thread holds its result until it looks for other work, which the only thread has done before the next call.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=1))
        await darkroom.AsyncClient("https://api.example", "key", transport=awaited).save(done, tmp_path)

    asyncio.run(save())
    assert blocking.kept == awaited.kept == [0, 0, 0]
