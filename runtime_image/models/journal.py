"""Which ranges of an unfinished file are on disk, so that an interrupted download goes on where it stopped.

The journal is also the lock: one at a time fetches a file, whatever processes and threads want it.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, Self

from runtime_image.models.errors import Interrupted
from runtime_image.models.ranges import Range

#: Seconds between two looks whether another process has ended its download of the same file.
LOCK_POLL_SECONDS: Final = 0.1
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@cache
def boot_id() -> str:
    """Return what differs after a restart of the machine: what was written last before it may not be on the disk."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


class Journal:
    """A line of JSON that says of which object, then a line per finished range."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path

    @classmethod
    def lock(cls, path: Path, *, is_wanted: Callable[[], bool]) -> Self:
        """Open the journal once nobody else has it; raises Interrupted if it is not wanted any more by then."""
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                _await_lock(descriptor, is_wanted)
                if _is_at(descriptor, path):
                    return cls(descriptor, path)
            except BaseException:
                os.close(descriptor)
                raise
            # Whoever had it has removed it.
            os.close(descriptor)

    @classmethod
    def try_lock(cls, path: Path) -> Self | None:
        """Open the journal, or return None if somebody fetches the file at the moment."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        if _is_locked(descriptor) and _is_at(descriptor, path):
            return cls(descriptor, path)
        os.close(descriptor)
        return None

    def begin(self, identity: object) -> list[Range]:
        """Return the ranges that are finished of the object `identity`: none if the journal is of another one."""
        header = json.dumps([identity, boot_id()]).encode() + b"\n"
        content = os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0)
        if not content.startswith(header):
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, header)
            return []
        *lines, torn = content[len(header) :].split(b"\n")
        os.ftruncate(self._descriptor, len(content) - len(torn))
        return [finished for line in lines if (finished := _parse(line))]

    def add(self, finished: Range) -> None:
        """Note that a range is on disk."""
        os.write(self._descriptor, json.dumps(finished).encode() + b"\n")

    def forget(self) -> None:
        """Note that nothing is on disk."""
        os.ftruncate(self._descriptor, 0)

    def remove(self) -> None:
        """Remove the journal, which also ends its lock."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """End the lock and keep the journal."""
        os.close(self._descriptor)


def _await_lock(descriptor: int, is_wanted: Callable[[], bool]) -> None:
    while is_wanted():
        if _is_locked(descriptor):
            return
        time.sleep(LOCK_POLL_SECONDS)
    raise Interrupted("the model is not wanted any more")


def _is_locked(descriptor: int) -> bool:
    """Lock the journal unless somebody else has it; tell whether it is locked now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _parse(line: bytes) -> Range | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    match value:
        case [int(start), int(end)] if 0 <= start < end:
            return Range(start, end)
    return None
