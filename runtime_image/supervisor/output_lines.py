"""Lines that the engine prints, as log events of bounded length. Of a progress bar only the last state is logged."""

import os
import re
from collections.abc import Iterator
from typing import IO, Final, NamedTuple

from runtime_image.process.logs import EventLog
from runtime_image.supervisor.engines import SupervisedEngine
from runtime_image.supervisor.managed_process import StartedProcess

#: Bytes of one line. CloudWatch accepts 256 KiB an event, but a line that long is an image in base64.
MAX_LINE_BYTES: Final = 4096
_CHUNK_BYTES: Final = 65_536
_TOKENS: Final = re.compile(rb"\n+|\r+|[^\r\n]+")
#: Colours and cursor movements (ECMA-48 control sequences).
_CONTROL_SEQUENCES: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class OutputLine(NamedTuple):
    """One line without its end; `cut` if it was longer."""

    text: str
    cut: bool


class OutputLines:
    """Assembles lines from chunks. A carriage return starts the line anew, as it does on a terminal."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._cut = False
        self._returned = False

    def feed(self, chunk: bytes) -> Iterator[OutputLine]:
        """Yield the lines that end in this chunk; blank ones are left out."""
        for token in _TOKENS.findall(chunk):
            match token[:1]:
                case b"\n":
                    yield from self.end()
                case b"\r":
                    self._returned = True
                case _:
                    self._add(token)

    def end(self) -> Iterator[OutputLine]:
        """Yield the text that has no end yet, as the last line."""
        text = _CONTROL_SEQUENCES.sub("", self._bytes.decode(errors="replace")).rstrip()
        if text:
            yield OutputLine(text, self._cut)
        self._clear()

    def _add(self, text: bytes) -> None:
        if self._returned:
            self._clear()
        room = MAX_LINE_BYTES - len(self._bytes)
        self._cut = self._cut or len(text) > room
        self._bytes += text[:room]

    def _clear(self) -> None:
        self._bytes.clear()
        self._cut = self._returned = False


def log_output(stream: IO[bytes], process: StartedProcess, *, engine: SupervisedEngine, log: EventLog) -> None:
    """Log all that comes from `stream` until its end, in a thread that does nothing else.

    Args:
        stream: Output of a process.
        process: The process, which has started once the engine's line has come. A progress bar may precede the line.
        engine: Knows the line that ends the start. No later line decides anything, because workflows choose its text.
        log: Receives an event for each line.
    """
    lines = OutputLines()

    def handle(complete: Iterator[OutputLine]) -> None:
        for line in complete:
            if engine.started_line and engine.started_line in line.text:
                process.started.set()
            log.info("webui_output", line=line.text, **({"cut": True} if line.cut else {}))

    if engine.started_line is None:
        process.started.set()
    with stream:
        while chunk := os.read(stream.fileno(), _CHUNK_BYTES):
            handle(lines.feed(chunk))
    handle(lines.end())
