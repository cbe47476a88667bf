"""The Web UI's models folder: where a key of the bucket lies in it, and which files in it are known to be whole."""

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from runtime_image.model_downloader.download_manifest import DownloadManifest, ManifestEntry
from runtime_image.model_downloader.errors import KeyRefused
from runtime_image.model_downloader.remote_file import RemoteFile
from runtime_image.model_downloader.resume_log import boot_id

#: Bytes of a file name, and of a key.
MAX_NAME_BYTES: Final = 255
MAX_KEY_BYTES: Final = 1024
#: Characters of a file's own name in the names of the hidden files that go with it.
SHOWN_CHARACTERS: Final = 40
PART_SUFFIX: Final = ".part"
NOTES_FILE: Final = ".fetched"


@dataclass(frozen=True)
class CachedModel:
    """A model's file, and the hidden one in which it comes, on the same disk: the Web UI does not take that for one."""

    path: Path
    _notes: DownloadManifest

    @cached_property
    def part(self) -> Path:
        """What has come of a file that is being fetched."""
        name = self.path.name
        short = f"{name[:SHOWN_CHARACTERS]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        return self.path.with_name(f".{short}{PART_SUFFIX}")

    @property
    def is_baked_in(self) -> bool:
        """Tell whether the file is a link to one that the image brings: no other is ever a link."""
        return self.path.is_symlink()

    def is_current(self, file: RemoteFile) -> bool:
        """Tell whether the file is on disk, whole, and what the bucket holds; a baked-in one by its size alone."""
        try:
            status = self.path.stat()
        except OSError:
            return False
        if self.is_baked_in:
            return status.st_size == file.size
        return status.st_size == file.size and self._notes.of(file.key) == _note(file, status)

    def record_fetched(self, file: RemoteFile, path: Path) -> None:
        """Note that the file at `path`, which is in this place or about to get there, is whole and is this object."""
        self._notes.add(_note(file, path.stat()))


class FetchedModel(NamedTuple):
    """A file that was fetched and is on disk."""

    key: str
    path: Path
    size: int
    used_at: float


class ModelsFolder:
    """Confines keys to the folder `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        #: Found once: for many small files, each of whose keys is confined twice, it would be a part of their time.
        self._root = os.path.realpath(directory)
        self._notes = DownloadManifest(directory / NOTES_FILE)

    def cached_model(self, key: str) -> CachedModel:
        """Return where the file of a key belongs; raises KeyRefused if that is not inside the folder."""
        names = key.split("/")
        if len(key.encode(errors="replace")) > MAX_KEY_BYTES or not key.isprintable() or "\\" in key:
            raise KeyRefused(f"{key[:200]!r} cannot be a file's path: unprintable or too long")
        if any(not name or name.startswith(".") or len(name.encode()) > MAX_NAME_BYTES for name in names):
            raise KeyRefused(f"{key[:200]!r} cannot be a file's path: empty, hidden or too long names in it")
        path = self.directory.joinpath(*names)
        if not f"{os.path.realpath(path.parent)}/".startswith(f"{self._root}/") or path.is_dir():
            raise KeyRefused(f"{key[:200]!r} does not lead to a file inside the models folder")
        return CachedModel(path, self._notes)

    def fetched(self) -> Iterator[FetchedModel]:
        """Yield what was fetched, is on disk and is still what it was then."""
        for note in self._notes.all():
            try:
                path = self.cached_model(note.key).path
                status = path.lstat()
            except (KeyRefused, OSError):
                continue
            if (status.st_size, status.st_mtime_ns) == (note.size, note.modified_ns):
                yield FetchedModel(note.key, path, note.size, status.st_atime)

    def mark_used(self, key: str) -> None:
        """Note that a model is needed now, so that others make room before it."""
        path = self.cached_model(key).path
        try:
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
        except OSError:
            # It is not there yet, or the image brings it; that never makes room.
            return


def _note(file: RemoteFile, status: os.stat_result) -> ManifestEntry:
    return ManifestEntry(file.key, file.etag, file.size, status.st_mtime_ns, boot_id())
