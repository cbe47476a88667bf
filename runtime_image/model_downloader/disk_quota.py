"""Disk quota of downloaded models: reserves space for a file and evicts the least recently used models."""

import shutil
import threading
from collections.abc import Callable
from typing import Final

from runtime_image.model_downloader.bucket import RemoteFile
from runtime_image.model_downloader.errors import DiskFull
from runtime_image.model_downloader.folder import DownloadedFile, ModelsFolder
from runtime_image.model_downloader.partial_file import PartialFile
from runtime_image.process.logs import EventLog

#: Bytes that stay free for logs, temporary files and the Web UI, and for small files that are being downloaded: at most
#: one part for each connection at a time. Large files are downloaded one after the other.
SPARE_BYTES: Final = 256 * 1024 * 1024
_MEBIBYTE: Final = 1024 * 1024


def free_bytes(folder: ModelsFolder) -> int:
    """Return the bytes that may still be written into the folder."""
    return shutil.disk_usage(folder.directory).free - SPARE_BYTES


class DiskQuota:
    """Evicts downloaded models only, whole or unfinished: files from elsewhere and from the image stay.

    `is_needed(key)` returns True for the models that must stay. Safe to share between threads.
    """

    def __init__(
        self, folder: ModelsFolder, *, max_bytes: int | None, is_needed: Callable[[str], bool], log: EventLog
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._is_needed = is_needed
        self._log = log
        #: Held while models are evicted. Who needs a model registers it under this lock before looking for its file:
        #: otherwise the file could vanish between the question whether it is needed and its removal.
        self.evicting = threading.Lock()

    def begin(self, part: PartialFile, file: RemoteFile, part_bytes: int) -> list[int]:
        """Reserve the space of a file and begin its download; raises DiskFull if the space is too small.

        Returns:
            The numbers of the parts that are not on disk yet.
        """
        with self.evicting:
            self._reserve(file, part)
            return part.begin(file, part_bytes)

    def _reserve(self, file: RemoteFile, part: PartialFile) -> None:
        others: list[DownloadedFile] = []
        # Listing them costs a small file more than its bytes.
        if self._max_bytes or self._lacking_bytes(file, part, others) > 0:
            others = [other for other in self._folder.downloads() if other.key != file.key and other.path != part.path]
            others.sort(key=lambda other: other.used_at)
        while self._lacking_bytes(file, part, others) > 0:
            evicted = next((other for other in others if self._evict(other)), None)
            if evicted is None:
                raise DiskFull(self._explain(file))
            others.remove(evicted)

    def _lacking_bytes(self, file: RemoteFile, part: PartialFile, others: list[DownloadedFile]) -> int:
        lacking = file.size - part.bytes_on_disk - free_bytes(self._folder)
        if self._max_bytes:
            lacking = max(lacking, sum(other.size for other in others) + file.size - self._max_bytes)
        return lacking

    def _evict(self, other: DownloadedFile) -> bool:
        """Delete a file unless it is needed or being downloaded; return True if it was deleted."""
        if other.key is not None:
            if self._is_needed(other.key):
                return False
            other.path.unlink(missing_ok=True)
            self._log.info("model_removed", key=other.key, bytes=other.size, reason="space for another")
            return True
        part = PartialFile.try_lock(other.path)
        if part is None:
            return False
        size = part.bytes_on_disk
        part.discard()
        part.close()
        self._log.info("unfinished_model_removed", file=other.path.name, bytes=size, reason="space for another")
        return True

    def _explain(self, file: RemoteFile) -> str:
        size = file.size / _MEBIBYTE
        if self._max_bytes and file.size > self._max_bytes:
            return f"{file.key} has {size:.0f} MiB, more than MODELS_MAX_BYTES ({self._max_bytes / _MEBIBYTE:.0f} MiB)"
        limit = f", MODELS_MAX_BYTES is {self._max_bytes / _MEBIBYTE:.0f} MiB" if self._max_bytes else ""
        return (
            f"{file.key} needs {size:.0f} MiB; {max(free_bytes(self._folder), 0) / _MEBIBYTE:.0f} MiB are free in"
            f" {self._folder.directory}{limit}, and every model there is needed"
        )
