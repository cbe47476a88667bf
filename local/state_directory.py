"""State directory of a run: the local system writes no file outside it."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_LOCK: Final = "lock"


class AlreadyRunning(Exception):
    """Raised when another local system uses the directory."""


class ForeignDirectory(Exception):
    """Raised when no local system has used the directory, and it has files with the names of those of a run."""


class StateDirectory:
    """The paths inside the directory."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.assembly = self.path / "assembly"
        self.callbacks = self.path / "callbacks.jsonl"
        self.endpoints = self.path / "endpoints.json"
        self.environment = self.path / "environment.yaml"
        self.kept = self.path / "kept"
        self.logs = self.path / "logs"
        self.models = self.path / "models"
        self.runtimes = self.path / "runtimes"
        self.stub_models = self.path / "stub-models"
        self._unfinished_endpoints = self.path / "endpoints.tmp"
        #: Files and folders of one run. The others stay: caches, and what other programs keep in the directory.
        self._of_one_run = (
            self.callbacks,
            self.endpoints,
            self._unfinished_endpoints,
            self.environment,
            self.logs,
            self.runtimes,
            self.stub_models,
        )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the directory and remove the files of earlier runs; raise AlreadyRunning or ForeignDirectory."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._refuse_foreign()
        with (self.path / _LOCK).open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise AlreadyRunning(
                    f"a local system (process {lock.read().strip()}) already runs with the state directory {self.path};"
                    " stop it, or choose another directory with --state-dir"
                ) from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            self._clear()
            try:
                yield
            finally:
                # A client must not find the endpoints of a stopped system.
                self.endpoints.unlink(missing_ok=True)

    def write_endpoints(self, endpoints: Mapping[str, Any]) -> None:
        """Write `endpoints.json` in one step, so that a client that waits for it never reads half of it."""
        self._unfinished_endpoints.write_text(json.dumps(endpoints, indent=2) + "\n")
        self._unfinished_endpoints.replace(self.endpoints)

    def _refuse_foreign(self) -> None:
        present = [entry for entry in self._of_one_run if entry.exists() or entry.is_symlink()]
        # A local system makes its lock before all other files.
        if present and not (self.path / _LOCK).exists():
            raise ForeignDirectory(
                f"{present[0]} is not of a local system, which would remove it at its start; choose another directory"
                " with --state-dir"
            )

    def _clear(self) -> None:
        for entry in self._of_one_run:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)
        self.logs.mkdir()
