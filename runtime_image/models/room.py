"""Room for a model that is to be fetched: on the disk, and within what was set aside; the least recently used go."""

import json
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from runtime_image.agent.logs import EventLog
from runtime_image.models.errors import DiskFull
from runtime_image.models.folder import JOURNAL_SUFFIX, NOTE_SUFFIX, PART_SUFFIX, ModelsFolder, Place
from runtime_image.models.journal import Journal
from runtime_image.models.partial_file import PartialFile, bytes_on_disk
from runtime_image.models.remote_file import RemoteFile

#: Bytes that stay free for logs, temporary files and what the Web UI keeps beside its models.
SPARE_BYTES: Final = 256 * 1024 * 1024
_MEBIBYTE: Final = 1024 * 1024


def free_bytes(folder: ModelsFolder) -> int:
    """Return what may still be written into the folder."""
    return shutil.disk_usage(folder.directory).free - SPARE_BYTES


class _Fetched(NamedTuple):
    used_at: float
    key: str
    size: int


class _Unfinished(NamedTuple):
    used_at: float
    part: Path


class Room:
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

    def open_part(self, file: RemoteFile, place: Place, journal: Journal) -> PartialFile:
        """Return the file to write to, all its room on the disk taken; raises DiskFull if there is too little."""
        with self._lock:
            self._make(file, needed=max(file.size - bytes_on_disk(place.part), 0), place=place)
            self._promised[place.part] = file.size
            return PartialFile(file, place, journal)

    def _make(self, file: RemoteFile, *, needed: int, place: Place) -> None:
        removable: list[_Fetched | _Unfinished] | None = None
        while True:
            free = free_bytes(self._folder) - self._outstanding(place)
            lacking = max(needed - free, self._taken(but=place) + file.size - self._max_bytes if self._max_bytes else 0)
            if lacking <= 0:
                return
            if removable is None:
                candidates: list[_Fetched | _Unfinished] = [*self._fetched(but=file.key), *self._unfinished(but=place)]
                removable = sorted(candidates, key=lambda each: each.used_at)
            if not removable:
                raise DiskFull(self._too_little(file, free))
            match removable.pop(0):
                case _Fetched() as fetched:
                    self._remove(fetched)
                case _Unfinished() as unfinished:
                    self._remove_unfinished(unfinished)

    def _outstanding(self, but: Place) -> int:
        """Return what the other files on their way have still to take of the disk."""
        self._promised = {part: size for part, size in self._promised.items() if part.exists()}
        return sum(max(size - bytes_on_disk(part), 0) for part, size in self._promised.items() if part != but.part)

    def _fetched(self, *, but: str) -> list[_Fetched]:
        """Return what may be removed."""
        found = []
        for note in self._folder.directory.rglob(f".*{NOTE_SUFFIX}"):
            try:
                content = json.loads(note.read_text())
                key, size = str(content["key"]), int(content["size"])
                used_at = note.stat().st_mtime
            except (OSError, ValueError, KeyError, TypeError):
                continue
            if key != but and not self._is_needed(key):
                found.append(_Fetched(used_at, key, size))
        return found

    def _unfinished(self, *, but: Place) -> list[_Unfinished]:
        """Return what came of files that nobody may be fetching any more."""
        found = []
        for part in self._folder.directory.rglob(f".*{PART_SUFFIX}"):
            with suppress(FileNotFoundError):
                if part != but.part:
                    found.append(_Unfinished(part.stat().st_mtime, part))
        return found

    def _taken(self, *, but: Place) -> int:
        """Return the bytes of all files that were fetched or are being fetched, without one."""
        total = 0
        for hidden in self._folder.directory.rglob(".*"):
            try:
                if hidden.suffix == PART_SUFFIX and hidden != but.part:
                    # As large as it is going to be.
                    total += hidden.stat().st_size
                elif hidden.suffix == NOTE_SUFFIX and hidden != but.note:
                    total += int(json.loads(hidden.read_text())["size"])
            except (OSError, ValueError, KeyError, TypeError):
                # It has got its place, or made room, meanwhile.
                continue
        return total

    def _remove(self, fetched: _Fetched) -> None:
        place = self._folder.place_of(fetched.key)
        # The note goes first: a file without one is looked at again, a note without its file means nothing.
        place.note.unlink(missing_ok=True)
        place.path.unlink(missing_ok=True)
        self._log.info("model_removed", key=fetched.key, bytes=fetched.size, reason="room for another")

    def _remove_unfinished(self, unfinished: _Unfinished) -> None:
        journal = Journal.try_lock(unfinished.part.with_suffix(JOURNAL_SUFFIX))
        if journal is None:
            # It is on its way.
            return
        with suppress(FileNotFoundError):
            size = bytes_on_disk(unfinished.part)
            unfinished.part.unlink()
            self._log.info("unfinished_model_removed", file=unfinished.part.name, bytes=size, reason="room for another")
        journal.remove()
        journal.close()

    def _too_little(self, file: RemoteFile, free: int) -> str:
        size = file.size / _MEBIBYTE
        if self._max_bytes and file.size > self._max_bytes:
            return f"{file.key} has {size:.0f} MiB, more than MODELS_MAX_BYTES ({self._max_bytes / _MEBIBYTE:.0f} MiB)"
        limit = f", MODELS_MAX_BYTES is {self._max_bytes / _MEBIBYTE:.0f} MiB" if self._max_bytes else ""
        return (
            f"{file.key} needs {size:.0f} MiB; {max(free, 0) / _MEBIBYTE:.0f} MiB are free in {self._folder.directory}"
            f"{limit}, and every model there is needed"
        )
