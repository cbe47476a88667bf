"""Which ranges of an unfinished file are on disk, so that an interrupted download goes on where it stopped."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Final

from runtime_image.models.ranges import Range

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@cache
def boot_id() -> str:
    """Return what differs after a restart of the machine: what was written last before it may not be on the disk."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


class Journal:
    """A line of JSON that says of which object, then a line per finished range.

    It lies in the unfinished file itself, behind the object's bytes (`start`): making a file takes the system longer
    than fetching a small one. Nothing is written before the first range is finished.
    """

    def __init__(self, descriptor: int, *, start: int, identity: object) -> None:
        self._descriptor = descriptor
        self._start = self._end = start
        self._header = json.dumps([identity, boot_id()]).encode() + b"\n"

    def read(self) -> list[Range]:
        """Return the ranges that are finished; none if the journal is of another object."""
        size = os.fstat(self._descriptor).st_size
        # What is behind this start may be an older object's bytes, and many.
        if os.pread(self._descriptor, len(self._header), self._start) != self._header:
            return []
        content = os.pread(self._descriptor, size - self._start, self._start)
        *lines, torn = content[len(self._header) :].split(b"\n")
        ranges = [finished for line in lines if (finished := _parse(line))]
        if ranges:
            self._end = self._start + len(content) - len(torn)
        return ranges

    def add(self, finished: Range) -> None:
        """Note that a range is on disk. One thread at a time may do so."""
        line = json.dumps(finished).encode() + b"\n"
        if self._end == self._start:
            line = self._header + line
        os.pwrite(self._descriptor, line, self._end)
        self._end += len(line)


def _parse(line: bytes) -> Range | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    match value:
        case [int(start), int(end)] if 0 <= start < end:
            return Range(start, end)
    return None
