"""Which ranges of an unfinished file are on disk, so that an interrupted download goes on where it stopped."""

import json
import os
import threading
from functools import cache
from pathlib import Path
from typing import Final

from runtime_image.model_downloader.ranges import Range

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@cache
def boot_id() -> str:
    """Return what differs after a restart of the machine: what was written last before it may not be on the disk."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


class ResumeLog:
    """A line of JSON that says of which object, then a line per finished range.

    It is made with the first of these: making a file takes the system longer than fetching a small one.
    """

    def __init__(self, path: Path, *, identity: object) -> None:
        self._path = path
        self._header = json.dumps([identity, boot_id()]).encode() + b"\n"
        #: Bytes of what an earlier download has written, as far as it is of use.
        self._kept_bytes = 0
        self._descriptor: int | None = None
        self._lock = threading.Lock()

    def read(self) -> list[Range]:
        """Return the ranges that are finished; none if the journal is of another object."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return []
        if not content.startswith(self._header):
            return []
        *lines, torn = content[len(self._header) :].split(b"\n")
        ranges = [finished for line in lines if (finished := _parse(line))]
        self._kept_bytes = len(content) - len(torn) if ranges else 0
        return ranges

    def add(self, finished: Range) -> None:
        """Note that a range is on disk."""
        with self._lock:
            if self._descriptor is None:
                self._descriptor = self._open()
        os.write(self._descriptor, json.dumps(finished).encode() + b"\n")

    def close(self) -> None:
        """Keep the journal."""
        if self._descriptor is not None:
            os.close(self._descriptor)

    def _open(self) -> int:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.ftruncate(descriptor, self._kept_bytes)
        if not self._kept_bytes:
            os.write(descriptor, self._header)
        return descriptor


def _parse(line: bytes) -> Range | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    match value:
        case [int(start), int(end)] if 0 <= start < end:
            return Range(start, end)
    return None
