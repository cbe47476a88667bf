"""Which files of a models folder are known to be whole, and which objects they are: a line per fetched file."""

import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

_EMPTY: Final = (-1, 0)


@dataclass(frozen=True)
class ManifestEntry:
    """What was fetched: an object of the bucket, and the file as it was when it got into its place."""

    key: str
    etag: str
    size: int
    modified_ns: int
    #: Of the machine's start.
    boot: str


class DownloadManifest:
    """One file for all, to which every process that fetches into the folder adds. Safe to use from several threads.

    A note of its own beside each model would take the system longer than fetching a small one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[str, ManifestEntry] = {}
        #: Inode of the file that was read, and how far.
        self._read = _EMPTY

    def add(self, note: ManifestEntry) -> None:
        """Note that a file is whole, from now on instead of what was noted of its key before."""
        # Of a line that was torn, by a full disk, the end is missing: this one begins on a line of its own.
        line = b"\n" + json.dumps(asdict(note)).encode()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def of(self, key: str) -> ManifestEntry | None:
        """Return what was noted last of a key."""
        with self._lock:
            self._read_on()
            return self._known.get(key)

    def all(self) -> list[ManifestEntry]:
        """Return what was noted last of every key."""
        with self._lock:
            self._read_on()
            return list(self._known.values())

    def _read_on(self) -> None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._known, self._read = {}, _EMPTY
            return
        inode, position = self._read
        if (inode, position) == (status.st_ino, status.st_size):
            return
        if inode != status.st_ino or position > status.st_size:
            self._known, position = {}, 0
        with self._path.open("rb") as file:
            file.seek(position)
            content = file.read()
        for line in content.split(b"\n"):
            if note := _parse(line):
                self._known[note.key] = note
        self._read = (status.st_ino, position + len(content))


def _parse(line: bytes) -> ManifestEntry | None:
    try:
        note = ManifestEntry(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return None
    texts, numbers = (note.key, note.etag, note.boot), (note.size, note.modified_ns)
    is_valid = all(isinstance(text, str) for text in texts) and all(isinstance(number, int) for number in numbers)
    return note if is_valid else None
