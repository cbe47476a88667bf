"""A file that is being fetched: written in place, range by range and in any order, invisible until it is whole."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from runtime_image.model_downloader import file_lock
from runtime_image.model_downloader.errors import DiskFull, DownloadFailed, Interrupted
from runtime_image.model_downloader.ranges import Range, missing_ranges
from runtime_image.model_downloader.remote_file import Check, RemoteFile
from runtime_image.model_downloader.resume_log import ResumeLog
from runtime_image.model_downloader.verification import file_passes

#: Bytes of what `st_blocks` counts, whatever the file system's own blocks.
BLOCK_BYTES: Final = 512
JOURNAL_SUFFIX: Final = ".journal"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class PartialFile:
    """Locked as long as it is open: one at a time fetches a file. `begin` comes before all that is about bytes."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self.path = path
        self._journal_path = path.with_suffix(JOURNAL_SUFFIX)
        self._descriptor = descriptor
        self._size = 0
        self._journal: ResumeLog | None = None
        self._is_in_place = True
        #: The system lets one thread at a time write to a file; the others would spin on its lock and take processor
        #: time from the connections, whereas here they sleep.
        self._writing = threading.Lock()

    @classmethod
    def lock(cls, path: Path, *, is_wanted: Callable[[], bool]) -> Self:
        """Open the file once nobody else has it; raises Interrupted if it is not wanted any more by then."""
        try:
            descriptor = file_lock.lock(path, is_wanted=is_wanted)
        except OSError as error:
            raise write_error(error, path) from error
        if descriptor is None:
            raise Interrupted("the model is not wanted any more")
        return cls(descriptor, path)

    @classmethod
    def try_lock(cls, path: Path) -> Self | None:
        """Open the file, or return None if somebody is fetching it."""
        descriptor = file_lock.try_lock(path)
        return None if descriptor is None else cls(descriptor, path)

    def begin(self, file: RemoteFile) -> list[Range]:
        """Make this the file of an object; return what of it is not on disk yet."""
        self._size = file.size
        self._journal = journal = ResumeLog(self._journal_path, identity=[file.etag, file.size])
        try:
            size_on_disk = os.fstat(self._descriptor).st_size
            # A journal that outlived its file says nothing.
            finished = journal.read() if size_on_disk == file.size else []
            if not finished:
                self._journal_path.unlink(missing_ok=True)
                if size_on_disk:
                    # Not of a new file: ext4 would write it to the disk before it lets go of it.
                    os.ftruncate(self._descriptor, 0)
                # Not allocated, because writing to allocated blocks takes the system twice as long. `DiskQuota` counts
                # the bytes that are still to come.
                os.ftruncate(self._descriptor, file.size)
        except OSError as error:
            raise write_error(error, self.path) from error
        return missing_ranges(file.size, finished)

    def write(self, block: memoryview, position: int) -> None:
        """Put bytes where they belong."""
        try:
            with self._writing:
                while block:
                    written = os.pwrite(self._descriptor, block, position)
                    block, position = block[written:], position + written
        except OSError as error:
            raise write_error(error, self.path) from error

    def finish(self, finished: Range) -> None:
        """Note that all bytes of a range were written, for the next time."""
        assert self._journal is not None  # noqa: S101 - `begin` made it; tells the type checker
        if finished == Range(0, self._size):
            # It is about to be published.
            return
        try:
            self._journal.add(finished)
        except OSError as error:
            raise write_error(error, self.path) from error

    def passes(self, check: Check, part_bytes: int) -> bool:
        """Tell whether the file is what the check says."""
        return file_passes(self._descriptor, self._size, check, part_bytes)

    def publish(self, path: Path) -> None:
        """Put the file, which is whole, into its place."""
        self.path.replace(path)
        self._journal_path.unlink(missing_ok=True)
        self._is_in_place = False

    def discard(self) -> None:
        """Remove what has come: it is not what the bucket holds, or nobody needs it."""
        self._journal_path.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        self._is_in_place = False

    def close(self) -> None:
        """Let others have the file, with what has come of it."""
        if self._is_in_place and not os.fstat(self._descriptor).st_size:
            self.discard()
        if self._journal is not None:
            self._journal.close()
        os.close(self._descriptor)


def bytes_on_disk(path: Path) -> int:
    """Return what a file takes of the disk, 0 if there is none."""
    try:
        return path.stat().st_blocks * BLOCK_BYTES
    except OSError:
        return 0


def write_error(error: OSError, path: Path) -> DiskFull | DownloadFailed:
    """Return what a failure to write a file means."""
    if error.errno in _FULL:
        return DiskFull(f"the disk of {path.parent} is full")
    return DownloadFailed(f"{path.parent} cannot be written: {error.strerror}")
