"""Room for a model that is to be fetched: on the disk, and within what was set aside; the least recently used go."""

import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from runtime_image.model_downloader.errors import DiskFull
from runtime_image.model_downloader.folder import PART_SUFFIX, FetchedModel, ModelsFolder
from runtime_image.model_downloader.partial_file import PartialFile, bytes_on_disk
from runtime_image.model_downloader.ranges import Range
from runtime_image.model_downloader.remote_file import RemoteFile
from runtime_image.process.logs import EventLog

#: Bytes that stay free for logs, temporary files and what the Web UI keeps beside its models.
SPARE_BYTES: Final = 256 * 1024 * 1024
_MEBIBYTE: Final = 1024 * 1024


def free_bytes(folder: ModelsFolder) -> int:
    """Return what may still be written into the folder."""
    return shutil.disk_usage(folder.directory).free - SPARE_BYTES


class _Unfinished(NamedTuple):
    path: Path
    used_at: float


class DiskQuota:
    """Only what was fetched, whole or not, ever makes room: what somebody put or built into the folder is not ours.

    `is_needed(key)` tells which must stay. Safe to use from several threads.
    """

    def __init__(
        self, folder: ModelsFolder, *, max_bytes: int | None, is_needed: Callable[[str], bool], log: EventLog
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._is_needed = is_needed
        self._log = log
        self._lock = threading.Lock()
        #: Sizes that files on their way will have.
        self._promised: dict[Path, int] = {}

    def begin(self, part: PartialFile, file: RemoteFile) -> list[Range]:
        """Begin a file once all its room on the disk is taken; raises DiskFull if there is too little.

        Returns:
            What of it is not on disk yet.
        """
        with self._lock:
            self._make(file, needed=max(file.size - bytes_on_disk(part.path), 0), part=part.path)
            self._promised[part.path] = file.size
            return part.begin(file)

    def _make(self, file: RemoteFile, *, needed: int, part: Path) -> None:
        removable: list[FetchedModel | _Unfinished] | None = None
        while True:
            free = free_bytes(self._folder) - self._outstanding(but=part)
            taken = self._taken(file.key, part) if self._max_bytes else 0
            lacking = max(needed - free, taken + file.size - self._max_bytes if self._max_bytes else 0)
            if lacking <= 0:
                return
            if removable is None:
                candidates: list[FetchedModel | _Unfinished] = [
                    *self._fetched(but=file.key),
                    *self._unfinished(but=part),
                ]
                removable = sorted(candidates, key=lambda each: each.used_at)
            if not removable:
                raise DiskFull(self._too_little(file, free))
            match removable.pop(0):
                case FetchedModel() as fetched:
                    self._remove(fetched)
                case _Unfinished() as unfinished:
                    self._remove_unfinished(unfinished.path)

    def _outstanding(self, but: Path) -> int:
        """Return what the other files on their way have still to take of the disk."""
        self._promised = {part: size for part, size in self._promised.items() if part.exists()}
        return sum(max(size - bytes_on_disk(part), 0) for part, size in self._promised.items() if part != but)

    def _fetched(self, *, but: str) -> list[FetchedModel]:
        """Return what may be removed."""
        return [file for file in self._folder.fetched() if file.key != but and not self._is_needed(file.key)]

    def _unfinished(self, *, but: Path) -> list[_Unfinished]:
        """Return what came of files that nobody may be fetching any more."""
        found = []
        for part in self._folder.directory.rglob(f".*{PART_SUFFIX}"):
            with suppress(FileNotFoundError):
                if part != but:
                    found.append(_Unfinished(part, part.stat().st_mtime))
        return found

    def _taken(self, key: str, part: Path) -> int:
        """Return the bytes of all files that were fetched or are being fetched, without one."""
        total = sum(file.size for file in self._folder.fetched() if file.key != key)
        for other in self._folder.directory.rglob(f".*{PART_SUFFIX}"):
            # It may have got its place, or made room, meanwhile.
            with suppress(FileNotFoundError):
                if other != part:
                    # As large as it is going to be.
                    total += other.stat().st_size
        return total

    def _remove(self, fetched: FetchedModel) -> None:
        fetched.path.unlink(missing_ok=True)
        self._log.info("model_removed", key=fetched.key, bytes=fetched.size, reason="room for another")

    def _remove_unfinished(self, path: Path) -> None:
        size = bytes_on_disk(path)
        part = PartialFile.try_lock(path)
        if part is None:
            # It is on its way.
            return
        part.discard()
        part.close()
        self._log.info("unfinished_model_removed", file=path.name, bytes=size, reason="room for another")

    def _too_little(self, file: RemoteFile, free: int) -> str:
        size = file.size / _MEBIBYTE
        if self._max_bytes and file.size > self._max_bytes:
            return f"{file.key} has {size:.0f} MiB, more than MODELS_MAX_BYTES ({self._max_bytes / _MEBIBYTE:.0f} MiB)"
        limit = f", MODELS_MAX_BYTES is {self._max_bytes / _MEBIBYTE:.0f} MiB" if self._max_bytes else ""
        return (
            f"{file.key} needs {size:.0f} MiB; {max(free, 0) / _MEBIBYTE:.0f} MiB are free in {self._folder.directory}"
            f"{limit}, and every model there is needed"
        )
