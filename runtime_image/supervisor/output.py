"""What the Web UI prints, as log lines: one event a line, of bounded length, progress bars in their last state only."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from runtime_image.process.logs import EventLog

#: Bytes of one line. CloudWatch takes 256 KiB an event; a line that long is a picture in base64, and says nothing.
MAX_LINE_BYTES: Final = 4096
_CHUNK_BYTES: Final = 65_536
_TOKENS: Final = re.compile(rb"\n+|\r+|[^\r\n]+")
#: Colours and cursor movements (ECMA-48 control sequences).
_CONTROL_SEQUENCES: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


@dataclass(frozen=True)
class Line:
    """One line without its end; `cut` if it was longer."""

    text: str
    cut: bool


class Lines:
    """Puts lines together from chunks. A carriage return takes the line back, as it does on a terminal."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._cut = False
        self._returned = False

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """Yield the lines that end in this chunk; blank ones are left out."""
        for token in _TOKENS.findall(chunk):
            match token[:1]:
                case b"\n":
                    yield from self.end()
                case b"\r":
                    self._returned = True
                case _:
                    self._add(token)

    def end(self) -> Iterator[Line]:
        """Yield what has no end yet, as the last line."""
        text = _CONTROL_SEQUENCES.sub("", self._bytes.decode(errors="replace")).rstrip()
        if text:
            yield Line(text, self._cut)
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


def log_output(stream: IO[bytes], log: EventLog) -> None:
    """Log all that comes from `stream` until its end; runs in a thread of its own."""
    lines = Lines()
    with stream:
        while chunk := os.read(stream.fileno(), _CHUNK_BYTES):
            _log(lines.feed(chunk), log)
    _log(lines.end(), log)


def _log(lines: Iterator[Line], log: EventLog) -> None:
    for line in lines:
        log.info("webui_output", line=line.text, **({"cut": True} if line.cut else {}))
