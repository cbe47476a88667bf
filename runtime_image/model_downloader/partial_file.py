"""Unfinished download: a hidden file that receives the parts of an object in any order until it is whole."""

import errno
import fcntl
import json
import os
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, Self

from runtime_image.model_downloader.bucket import RemoteFile
from runtime_image.model_downloader.errors import DiskFull, DownloadFailed, Interrupted

#: Seconds between two attempts to lock a file that another download holds.
POLL_SECONDS: Final = 0.1
#: Bytes of a block in `st_blocks`, whatever the file system's block size.
BLOCK_BYTES: Final = 512
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class PartialFile:
    """Locked while it is open, so that one download at a time writes it, among all processes and threads."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self.path = path
        self._descriptor = descriptor
        self._resume_log: ResumeLog | None = None
        self._is_in_place = True
        #: The system admits one writer at a time to a file. In its lock, waiting threads spin and cost the connections
        #: processor time; in this one they sleep.
        self._writing = threading.Lock()

    @classmethod
    def lock(cls, path: Path, *, is_wanted: Callable[[], bool]) -> Self:
        """Open the file once no other download holds it; raises Interrupted if it is not wanted any more by then."""
        while is_wanted():
            if part := cls.try_lock(path):
                return part
            time.sleep(POLL_SECONDS)
        raise Interrupted("the model is not wanted any more")

    @classmethod
    def try_lock(cls, path: Path) -> Self | None:
        """Open the file, or return None if a download holds it. A missing file is created."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The previous holder may have removed or renamed this file.
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return cls(descriptor, path)
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(descriptor)
        return None

    @property
    def bytes_on_disk(self) -> int:
        """Return the bytes that the file occupies: parts that have not arrived occupy none."""
        return os.fstat(self._descriptor).st_blocks * BLOCK_BYTES

    def begin(self, file: RemoteFile, part_bytes: int) -> list[int]:
        """Prepare for the parts of an object; return the numbers of those that are not on disk yet."""
        parts = -(-file.size // part_bytes)
        self._resume_log = ResumeLog(self._descriptor, file, parts=parts)
        if finished := self._resume_log.read():
            return [number for number in range(parts) if number not in finished]
        if os.fstat(self._descriptor).st_size:
            # Only of an old file: ext4 writes out a new file that was truncated when it is closed.
            os.ftruncate(self._descriptor, 0)
        # Not allocated, because the system writes to allocated blocks half as fast.
        os.ftruncate(self._descriptor, file.size)
        return list(range(parts))

    def write(self, block: bytes, position: int) -> None:
        """Write bytes at their position."""
        with self._writing:
            written = os.pwrite(self._descriptor, block, position)
            while written < len(block):
                written += os.pwrite(self._descriptor, block[written:], position + written)

    def finish_part(self, number: int) -> None:
        """Record that all bytes of a part are written."""
        if self._resume_log is not None:
            with self._writing:
                self._resume_log.add(number)

    def seal(self) -> None:
        """Cut the resume log off, because all parts are finished and checked."""
        if self._resume_log is not None:
            self._resume_log.remove()

    def publish(self, path: Path) -> None:
        """Move the whole file to its place."""
        self.path.replace(path)
        self._is_in_place = False

    def publish_new(self, path: Path) -> None:
        """Give the whole file its place; raises FileExistsError if there is a file."""
        os.link(self.path, path)
        self.discard()

    def discard(self) -> None:
        """Delete the file: its bytes are wrong, or no task needs them."""
        self.path.unlink(missing_ok=True)
        self._is_in_place = False

    def close(self) -> None:
        """Release the lock. The parts that arrived stay on disk."""
        if self._is_in_place and not os.fstat(self._descriptor).st_size:
            self.discard()
        os.close(self._descriptor)


class ResumeLog:
    """Log of the finished parts, by which an interrupted download resumes, behind the last byte of an unfinished file.

    A line identifies the object; then each part has one byte, 1 if it is finished. An object of one part has no log.
    """

    def __init__(self, descriptor: int, file: RemoteFile, *, parts: int) -> None:
        self._descriptor = descriptor
        self._file_bytes = file.size
        self._parts = parts
        self._header = json.dumps([file.etag, file.size, parts, boot_id()]).encode() + b"\n"

    def read(self) -> set[int]:
        """Return the numbers of the finished parts; none of them if the file holds parts of another object."""
        content = os.pread(self._descriptor, len(self._header) + self._parts, self._file_bytes)
        if not content.startswith(self._header):
            return set()
        return {number for number, mark in enumerate(content[len(self._header) :]) if mark == 1}

    def add(self, number: int) -> None:
        """Record that a part is finished."""
        if self._parts > 1:
            os.pwrite(self._descriptor, self._header, self._file_bytes)
            os.pwrite(self._descriptor, b"\1", self._file_bytes + len(self._header) + number)

    def remove(self) -> None:
        """Cut the log off, so that the file holds the object only."""
        if self._parts > 1:
            os.ftruncate(self._descriptor, self._file_bytes)


@cache
def boot_id() -> str:
    """Return the id of the machine's start. After another start, the last writes may be missing on the disk."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def write_error(error: OSError, path: Path) -> DiskFull | DownloadFailed:
    """Return the error that a failed write means."""
    if error.errno in _FULL:
        return DiskFull(f"the disk of {path.parent} is full")
    return DownloadFailed(f"{path.parent} cannot be written: {error.strerror}")
