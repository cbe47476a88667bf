"""Proxy in front of the local AWS: it delays every call and fails some, as the real AWS does.

`python -m benchmarks.aws_proxy --target URL` prints its port as one JSON line, and serves until it is killed.
"""

import argparse
import asyncio
import json
import random
from contextlib import suppress
from enum import Enum, auto
from typing import Final
from urllib.parse import urlsplit

#: Bytes of a head, and of the longest line within a chunked body.
_LIMIT_BYTES: Final = 1024 * 1024
_NO_BODY_STATUS: Final = frozenset({b"204", b"304"})
_CLOSED: Final = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


class Fault(Enum):
    """How a call fails."""

    #: AWS answers 503 and does nothing.
    REFUSED = auto()
    #: The connection is cut before AWS has seen the call.
    CUT_BEFORE = auto()
    #: AWS processes the call, and the answer is lost.
    CUT_AFTER = auto()


class AwsProxy:
    """Passes requests on, one connection to AWS for each connection to us."""

    def __init__(self, *, target: str, delay_seconds: float, failure_rate: float, seed: int) -> None:
        address = urlsplit(target)
        self._host, self._port = address.hostname, address.port
        self._delay_seconds = delay_seconds
        self._failure_rate = failure_rate
        self._serving: set[asyncio.Task[None] | None] = set()
        self._chance = random.Random(seed)  # noqa: S311 - failures that can be repeated, no secret

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side closes it."""
        upstream_reader, upstream_writer = await asyncio.open_connection(self._host, self._port, limit=_LIMIT_BYTES)
        # The event loop itself remembers no task; one that waits could vanish.
        self._serving.add(task := asyncio.current_task())
        try:
            with suppress(*_CLOSED):
                while await self._pass_on(reader, writer, upstream_reader, upstream_writer):
                    pass
        finally:
            self._serving.discard(task)
            for side in (writer, upstream_writer):
                side.close()

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream_reader: asyncio.StreamReader,
        upstream_writer: asyncio.StreamWriter,
    ) -> bool:
        """Pass one request on; return True while the connection can be used again."""
        head = await reader.readuntil(b"\r\n\r\n")
        if b"100-continue" in head.lower():
            # AWS asks for the body at once; a proxy that stayed silent would cost the sender a second.
            head = b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(b"expect:"))
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await _read_body(reader, head)
        await asyncio.sleep(self._delay_seconds)
        fault = self._choose_fault()
        if fault is Fault.CUT_BEFORE:
            return False
        if fault is Fault.REFUSED:
            writer.write(_refusal(head))
            return True
        upstream_writer.write(head + body)
        answer_head = await upstream_reader.readuntil(b"\r\n\r\n")
        has_body = not head.startswith(b"HEAD ") and answer_head.split(b" ", 2)[1] not in _NO_BODY_STATUS
        answer_body = await _read_body(upstream_reader, answer_head) if has_body else b""
        if fault is Fault.CUT_AFTER:
            return False
        writer.write(answer_head + answer_body)
        await writer.drain()
        return b"connection: close" not in answer_head.lower()

    def _choose_fault(self) -> Fault | None:
        return self._chance.choice(list(Fault)) if self._chance.random() < self._failure_rate else None


async def _read_body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """Return the body behind a head, byte for byte."""
    headers = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    if b"chunked" not in headers.get(b"transfer-encoding", b""):
        return await reader.readexactly(int(headers.get(b"content-length", b"0")))
    parts = []
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        parts += [line, await reader.readexactly(size + 2)]
        if size == 0:
            return b"".join(parts)


def _refusal(head: bytes) -> bytes:
    """Return the answer of a service that is overloaded: XML from S3, JSON from the others."""
    if b"x-amz-target" in head.lower():
        content_type, body = b"application/x-amz-json-1.0", b'{"__type":"ServiceUnavailable","message":"try again"}'
    else:
        content_type = b"application/xml"
        body = b"<Error><Code>ServiceUnavailable</Code><Message>try again</Message></Error>"
    length = str(len(body)).encode()
    lines = (b"HTTP/1.1 503 Service Unavailable", b"Content-Type: " + content_type, b"Content-Length: " + length)
    return b"\r\n".join([*lines, b"", body])


async def _serve(options: argparse.Namespace) -> None:
    proxy = AwsProxy(
        target=options.target,
        delay_seconds=options.delay_ms / 1000,
        failure_rate=options.failure_rate,
        seed=options.seed,
    )
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=_LIMIT_BYTES)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True, metavar="URL", help="the local AWS")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="added to every call")
    parser.add_argument("--failure-rate", type=float, default=0.0, help="part of all calls that fail, 0 to 1")
    parser.add_argument("--seed", type=int, default=0, help="of the failures")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
