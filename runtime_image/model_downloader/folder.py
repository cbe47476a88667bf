"""Models folder of the Web UI: the place of each key of the bucket, and the files that are known to be whole."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from runtime_image.model_downloader.bucket import RemoteFile
from runtime_image.model_downloader.download_manifest import DownloadManifest, ManifestEntry
from runtime_image.model_downloader.errors import KeyRefused
from runtime_image.model_downloader.partial_file import boot_id

#: Bytes of a file name, and of a key.
MAX_NAME_BYTES: Final = 255
MAX_KEY_BYTES: Final = 1024
#: Characters of a file's name in the names of its hidden files.
SHOWN_CHARACTERS: Final = 40
PART_SUFFIX: Final = ".part"
MANIFEST_FILE: Final = ".fetched"


@dataclass(frozen=True)
class CachedModel:
    """Place of a model in the folder, whether its file is there or not."""

    path: Path
    _manifest: DownloadManifest

    @cached_property
    def part(self) -> Path:
        """Hidden file of an unfinished download, on the same disk. The Web UI does not list hidden files."""
        name = self.path.name
        short = f"{name[:SHOWN_CHARACTERS]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        return self.path.with_name(f".{short}{PART_SUFFIX}")

    @property
    def is_baked_in(self) -> bool:
        """Return True if the file is part of the image: only such files are links."""
        return self.path.is_symlink()

    def is_current(self, file: RemoteFile) -> bool:
        """Return True if the whole file is on disk and is what the bucket holds. A baked-in file has the same size."""
        try:
            status = self.path.stat()
        except OSError:
            return False
        if status.st_size != file.size:
            return False
        return self.is_baked_in or self._manifest.entries().get(file.key) == _entry(file, status)

    def record_fetched(self, file: RemoteFile, path: Path) -> None:
        """Record that the file at `path`, which is in this place or about to move there, is this whole object."""
        self._manifest.add(_entry(file, path.stat()))


class DownloadedFile(NamedTuple):
    """Downloaded model on disk or, without a key, an unfinished download, with the size it will have."""

    path: Path
    size: int
    used_at: float
    key: str | None = None


class ModelsFolder:
    """Confines keys to `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        #: Resolved once, because each small file is confined twice.
        self._root = os.path.realpath(directory)
        self._manifest = DownloadManifest(directory / MANIFEST_FILE)

    def cached_model(self, key: str) -> CachedModel:
        """Return the place of a key; raises KeyRefused if it is outside of the folder."""
        names = key.split("/")
        if len(key.encode(errors="replace")) > MAX_KEY_BYTES or not key.isprintable() or "\\" in key:
            raise KeyRefused(f"{key[:200]!r} cannot be a file's path: unprintable or too long")
        if any(not name or name.startswith(".") or len(name.encode()) > MAX_NAME_BYTES for name in names):
            raise KeyRefused(f"{key[:200]!r} cannot be a file's path: empty, hidden or too long names in it")
        path = self.directory.joinpath(*names)
        if not f"{os.path.realpath(path.parent)}/".startswith(f"{self._root}/") or path.is_dir():
            raise KeyRefused(f"{key[:200]!r} does not lead to a file inside the models folder")
        return CachedModel(path, self._manifest)

    def downloads(self) -> Iterator[DownloadedFile]:
        """Yield the downloaded files that are on disk and unchanged since, and the unfinished downloads."""
        for entry in self._manifest.entries().values():
            # The file may have moved, or something else may lie in its place.
            with suppress(KeyRefused, OSError):
                path = self.cached_model(entry.key).path
                status = path.lstat()
                if (status.st_size, status.st_mtime_ns) == (entry.size, entry.modified_ns):
                    yield DownloadedFile(path, entry.size, status.st_atime, entry.key)
        for path in self.directory.rglob(f".*{PART_SUFFIX}"):
            with suppress(FileNotFoundError):
                status = path.stat()
                yield DownloadedFile(path, status.st_size, status.st_mtime)

    def mark_used(self, key: str) -> None:
        """Record that a model is needed now, so that other models are evicted before it."""
        path = self.cached_model(key).path
        try:
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
        except OSError:
            # The file is not there yet, or is part of the image and never evicted.
            return


def _entry(file: RemoteFile, status: os.stat_result) -> ManifestEntry:
    return ManifestEntry(key=file.key, etag=file.etag, size=file.size, modified_ns=status.st_mtime_ns, boot=boot_id())
