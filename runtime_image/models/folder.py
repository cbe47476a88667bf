"""The Web UI's models folder: where a key of the bucket lies in it, and which files in it are known to be whole."""

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from runtime_image.models.errors import KeyRefused
from runtime_image.models.journal import boot_id
from runtime_image.models.remote_file import RemoteFile

#: Bytes of a file name, and of a key.
MAX_NAME_BYTES: Final = 255
MAX_KEY_BYTES: Final = 1024
#: Characters of a file's own name in the names of the hidden files that go with it.
SHOWN_CHARACTERS: Final = 40
NOTE_SUFFIX: Final = ".fetched"
PART_SUFFIX: Final = ".part"
JOURNAL_SUFFIX: Final = ".journal"


@dataclass(frozen=True)
class Place:
    """A model's file, and the hidden files beside it, on the same disk: the Web UI does not take these for models."""

    path: Path

    @cached_property
    def part(self) -> Path:
        """What has come of a file that is being fetched."""
        return self._beside(PART_SUFFIX)

    @cached_property
    def journal(self) -> Path:
        """Says what of it has come."""
        return self._beside(JOURNAL_SUFFIX)

    @cached_property
    def note(self) -> Path:
        """Says which object the file is; its own time is that of the last use."""
        return self._beside(NOTE_SUFFIX)

    @property
    def is_baked_in(self) -> bool:
        """Tell whether the file is a link to one that the image brings: no other is ever a link."""
        return self.path.is_symlink()

    def is_current(self, file: RemoteFile) -> bool:
        """Tell whether the file is on disk, whole, and what the bucket holds; a baked-in one by its size alone."""
        try:
            if self.is_baked_in:
                return self.path.stat().st_size == file.size
            note = json.loads(self.note.read_text())
            return bool(note == _note(file, self.path))
        except (OSError, ValueError):
            return False

    def note_fetched(self, file: RemoteFile) -> None:
        """Note that the file on disk is whole and is this object."""
        temporary = self.note.with_suffix(".new")
        temporary.write_text(json.dumps(_note(file, self.path)))
        temporary.replace(self.note)

    def _beside(self, suffix: str) -> Path:
        name = self.path.name
        short = f"{name[:SHOWN_CHARACTERS]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        return self.path.with_name(f".{short}{suffix}")


class ModelsFolder:
    """Confines keys to the folder `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def place_of(self, key: str) -> Place:
        """Return where the file of a key belongs; raises KeyRefused if that is not inside the folder."""
        names = key.split("/")
        if len(key.encode(errors="replace")) > MAX_KEY_BYTES or not key.isprintable() or "\\" in key:
            raise KeyRefused(f"{key[:200]!r} cannot be a file's path: unprintable or too long")
        if any(not name or name.startswith(".") or len(name.encode()) > MAX_NAME_BYTES for name in names):
            raise KeyRefused(f"{key[:200]!r} cannot be a file's path: empty, hidden or too long names in it")
        path = self.directory.joinpath(*names)
        root = self.directory.resolve()
        if not path.parent.resolve().is_relative_to(root) or path.is_dir():
            raise KeyRefused(f"{key[:200]!r} does not lead to a file inside the models folder")
        return Place(path)

    def note_used(self, key: str) -> None:
        """Note that a model is needed now, so that others make room before it."""
        try:
            os.utime(self.place_of(key).note)
        except OSError:
            # It was not fetched by us; then it never makes room either.
            return


def _note(file: RemoteFile, path: Path) -> dict[str, Any]:
    status = path.stat()
    return {
        "key": file.key,
        "etag": file.etag,
        "size": status.st_size if status.st_size == file.size else None,
        "modified_ns": status.st_mtime_ns,
        "boot": boot_id(),
    }
