"""List of the files in a models folder that are known to be whole: the hidden file `.fetched`, a line for each."""

import os
import threading
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError


class ManifestEntry(BaseModel):
    """Downloaded object of the bucket, and its file as it was when it reached its place."""

    model_config = ConfigDict(frozen=True, strict=True)

    key: str
    etag: str
    size: int
    modified_ns: int
    #: Boot id of the machine.
    boot: str


class DownloadManifest:
    """File to which all processes that download into the folder append. Safe to share between threads.

    One file for all entries, because creating a file next to each model takes longer than downloading a small one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._entries: dict[str, ManifestEntry] = {}
        #: Inode, size and time of the file that was read last.
        self._version = (0, 0, 0)

    def add(self, entry: ManifestEntry) -> None:
        """Record that a file is whole. The entry replaces earlier ones of its key."""
        # A full disk may have torn the line before, so that this one starts with a line break.
        line = f"\n{entry.model_dump_json()}".encode()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def entries(self) -> dict[str, ManifestEntry]:
        """Return the last entry of each key."""
        with self._lock:
            try:
                status = self._path.stat()
            except FileNotFoundError:
                return {}
            version = (status.st_ino, status.st_size, status.st_mtime_ns)
            if version != self._version:
                entries = map(_parse, self._path.read_bytes().split(b"\n"))
                self._entries = {entry.key: entry for entry in entries if entry}
                self._version = version
            return self._entries


def _parse(line: bytes) -> ManifestEntry | None:
    try:
        return ManifestEntry.model_validate_json(line)
    except ValidationError:
        return None
