"""A file that is being fetched: written in place, range by range and in any order, invisible until it is whole."""

import errno
import os
import threading
from pathlib import Path
from typing import Final

from runtime_image.models.errors import DiskFull, DownloadFailed
from runtime_image.models.folder import Place
from runtime_image.models.journal import Journal
from runtime_image.models.ranges import Range, missing_ranges
from runtime_image.models.remote_file import Check, RemoteFile
from runtime_image.models.verification import file_passes

#: Bytes of what `st_blocks` counts, whatever the file system's own blocks.
BLOCK_BYTES: Final = 512
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class PartialFile:
    """`journal` must be locked as long as the file is open."""

    def __init__(self, file: RemoteFile, place: Place, journal: Journal) -> None:
        self._place = place
        self._journal = journal
        self._size = file.size
        #: The system lets one thread at a time write to a file; the others would spin on its lock and take processor
        #: time from the connections, whereas here they sleep.
        self._writing = threading.Lock()
        if not place.part.exists():
            journal.forget()
        finished = journal.begin([file.etag, file.size])
        self.missing = missing_ranges(file.size, finished)
        try:
            self._descriptor = os.open(place.part, os.O_RDWR | os.O_CREAT, 0o644)
            # Not allocated: writing to blocks that were takes the system twice as long. `Room` counts what is to come.
            os.ftruncate(self._descriptor, file.size)
        except OSError as error:
            raise refusal_of(error, place.part) from error

    def write(self, block: memoryview, position: int) -> None:
        """Put bytes where they belong."""
        try:
            with self._writing:
                while block:
                    written = os.pwrite(self._descriptor, block, position)
                    block, position = block[written:], position + written
        except OSError as error:
            raise refusal_of(error, self._place.part) from error

    def finish(self, finished: Range) -> None:
        """Note that all bytes of a range were written."""
        self._journal.add(finished)

    def passes(self, check: Check, part_bytes: int) -> bool:
        """Tell whether the file is what the check says."""
        return file_passes(self._descriptor, self._size, check, part_bytes)

    def publish(self) -> None:
        """Put the file into its place, whole."""
        self._place.part.replace(self._place.path)

    def discard(self) -> None:
        """Remove what has come: it is not what the bucket holds."""
        self._place.part.unlink(missing_ok=True)
        self._journal.forget()

    def close(self) -> None:
        """Keep what has come for the next time."""
        os.close(self._descriptor)


def bytes_on_disk(path: Path) -> int:
    """Return what a file takes of the disk, 0 if there is none."""
    try:
        return path.stat().st_blocks * BLOCK_BYTES
    except OSError:
        return 0


def refusal_of(error: OSError, path: Path) -> DiskFull | DownloadFailed:
    """Return what a failure to write a file means."""
    if error.errno in _FULL:
        return DiskFull(f"the disk of {path.parent} is full")
    return DownloadFailed(f"{path.parent} cannot be written: {error.strerror}")
