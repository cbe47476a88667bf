"""The folder in which a run of the local system keeps everything; nothing is written outside it."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

#: What outlives a run, since it is costly to make and depends on no run: templates and checkpoints.
_CACHES: Final = frozenset({"assembly", "models"})
_LOCK: Final = "lock"


class AlreadyRunning(Exception):
    """Raised when another local system uses the folder."""


class StateDirectory:
    """The paths inside the folder."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.assembly = self.path / "assembly"
        self.callbacks = self.path / "callbacks.jsonl"
        self.endpoints = self.path / "endpoints.json"
        self.logs = self.path / "logs"
        self.models = self.path / "models"
        self.runtimes = self.path / "runtimes"

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Own the folder while the block runs, emptied of what an earlier run left; raises AlreadyRunning."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / _LOCK).open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise AlreadyRunning(
                    f"a local system (process {lock.read().strip()}) already runs with the state directory {self.path};"
                    " stop it, or choose another with --state-dir"
                ) from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            self._clear()
            try:
                yield
            finally:
                # Nothing may find a system by its endpoints that is no longer there.
                self.endpoints.unlink(missing_ok=True)

    def write_endpoints(self, endpoints: Mapping[str, Any]) -> None:
        """Say where the system is. Whoever waits for the file never sees half of it."""
        unfinished = self.endpoints.with_suffix(".tmp")
        unfinished.write_text(json.dumps(endpoints, indent=2) + "\n")
        unfinished.replace(self.endpoints)

    def _clear(self) -> None:
        for entry in self.path.iterdir():
            if entry.name in _CACHES or entry.name == _LOCK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.logs.mkdir()
