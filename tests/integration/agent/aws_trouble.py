"""Proxy of an AWS that is in trouble at one step of a task's journey, for a while."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.harness.serving import QuietHandler, serving


class Trouble(Enum):
    """What the service does with a call. Of what was asked it does nothing, as far as nothing else is said."""

    #: 503, as a service that is down answers.
    REFUSES = auto()
    #: The answers of each service to who asks too often.
    THROTTLES = auto()
    #: No answer ever, over an open connection.
    HANGS = auto()
    #: It does what was asked, and its answer ends in the middle.
    BREAKS_OFF = auto()
    #: It does what was asked, and answers once it is `released`.
    WAITS = auto()


@dataclass(frozen=True)
class Step:
    """Calls of one step: those with this method or target, and these words in their path or body."""

    name: str
    call: str
    words: tuple[str, ...] = ()


@dataclass
class TroubledAws:
    """Passes on everything but the calls of a step, which are in trouble for `seconds` from the first of them."""

    target: str
    step: Step
    trouble: Trouble
    seconds: float
    started_at: float | None = None
    troubled: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)

    def is_in_trouble(self, call: str, path: str, body: bytes) -> bool:
        """Return True if this call is one of the step's, and the trouble has not ended."""
        text = path + body.decode(errors="replace")
        if call != self.step.call or not all(word in text for word in self.step.words):
            return False
        if self.started_at is None:
            self.started_at = time.monotonic()
        if time.monotonic() - self.started_at > self.seconds:
            return False
        self.troubled += 1
        return True

    def reply(self, call: str) -> tuple[int, bytes] | None:
        """Return status and body of a call in trouble; None after a hang that only the end of the test ends."""
        if self.trouble is Trouble.HANGS:
            self._ended.wait()
            return None
        throttles = self.trouble is Trouble.THROTTLES
        if "." in call:
            code = "ThrottlingException" if throttles else "ServiceUnavailable"
            return (400 if throttles else 503), f'{{"__type":"{code}","message":"later"}}'.encode()
        code = "SlowDown" if throttles else "ServiceUnavailable"
        return 503, f"<Error><Code>{code}</Code><Message>later</Message></Error>".encode()

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve on 127.0.0.1 and give the base URL."""
        with serving(ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))) as server:
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                self._ended.set()
                self.released.set()


def _handler(aws: TroubledAws) -> type[BaseHTTPRequestHandler]:
    upstream = urlsplit(aws.target)

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            call = self.headers.get("X-Amz-Target", self.command)
            is_troubled = aws.is_in_trouble(call, self.path, body)
            if is_troubled and aws.trouble not in {Trouble.BREAKS_OFF, Trouble.WAITS}:
                reply = aws.reply(call)
                if reply is None:
                    self.close_connection = True
                    return
                self._answer(*reply, {"Content-Type": "application/x-amz-json-1.0" if "." in call else "text/xml"})
                return
            connection = http.client.HTTPConnection(upstream.netloc)
            try:
                connection.request(self.command, self.path, body, {**self.headers, "Connection": "close"})
                answer = connection.getresponse()
                content = answer.read()
            except ConnectionRefusedError:
                # The test has ended, and an agent's thread still sends its heartbeats.
                self.close_connection = True
                return
            finally:
                connection.close()
            dropped = {"content-length", "connection", "transfer-encoding"}
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in dropped}
            if is_troubled and aws.trouble is Trouble.WAITS:
                aws.released.wait()
            breaks_off = is_troubled and aws.trouble is Trouble.BREAKS_OFF
            self._answer(answer.status, content, headers, breaks_off=breaks_off)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on

        def _answer(self, status: int, content: bytes, headers: dict[str, str], *, breaks_off: bool = False) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                with suppress(ConnectionError):
                    # The caller may have been killed meanwhile.
                    self.wfile.write(content[: len(content) // 2] if breaks_off else content)
            self.close_connection = self.close_connection or breaks_off

    return Handler
