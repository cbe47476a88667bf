"""Progress of a download: counted by its threads, reported in log lines and in a file for metrics."""

import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from runtime_image.process.logs import EventLog
from runtime_image.process.status_file import write_status_file

#: Seconds over which the rate is averaged: long enough to be calm, short enough to show a stall.
WINDOW_SECONDS: Final = 10.0
#: Seconds between two writes of the state file, and the number of writes between two log lines.
STATE_SECONDS: Final = 1.0
STATES_PER_LINE: Final = 5


@dataclass(frozen=True)
class ProgressSnapshot:
    """Progress of a download at one moment."""

    files: int
    files_done: int
    bytes: int
    #: On disk, those of earlier downloads included.
    bytes_done: int
    #: Received over the network since the start.
    bytes_fetched: int
    bytes_per_second: float
    #: None while no bytes arrive.
    eta_seconds: float | None


class DownloadProgress:
    """Safe to share between threads."""

    def __init__(self, *, files: int, total_bytes: int) -> None:
        self._lock = threading.Lock()
        self._files = files
        self._bytes = total_bytes
        self._files_done = 0
        self._bytes_done: dict[str, int] = {}
        self._bytes_fetched = 0
        self._samples: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def fetched(self, key: str, count: int) -> None:
        """Count bytes of a file that came over the network."""
        with self._lock:
            self._bytes_fetched += count
            self._bytes_done[key] = self._bytes_done.get(key, 0) + count

    def on_disk(self, key: str, count: int, *, is_done: bool = False) -> None:
        """Set the bytes of a file that are on disk; with `is_done`, the file is in its place."""
        with self._lock:
            self._bytes_done[key] = count
            self._files_done += is_done

    def snapshot(self) -> ProgressSnapshot:
        """Return the progress now."""
        now = time.monotonic()
        with self._lock:
            began_at, before = self._samples[0]
            rate = (self._bytes_fetched - before) / max(now - began_at, 0.001)
            self._samples.append((now, self._bytes_fetched))
            while len(self._samples) > 2 and now - self._samples[0][0] > WINDOW_SECONDS:  # noqa: PLR2004 - one before now
                self._samples.popleft()
            bytes_done = sum(self._bytes_done.values())
            return ProgressSnapshot(
                files=self._files,
                files_done=self._files_done,
                bytes=self._bytes,
                bytes_done=bytes_done,
                bytes_fetched=self._bytes_fetched,
                bytes_per_second=round(rate, 1),
                eta_seconds=round((self._bytes - bytes_done) / rate, 1) if rate > 0 else None,
            )


class Report(Protocol):
    """Receives the progress of a download."""

    def write(self, snapshot: ProgressSnapshot) -> None:
        """Accept the progress every few seconds."""

    def finish(self, snapshot: ProgressSnapshot) -> None:
        """Accept the last progress."""


class ProgressReporter:
    """Reports in a thread while the context is open. The last state says how the download ended."""

    def __init__(
        self, progress: DownloadProgress, *, state_file: Path | None, log: EventLog, report: Report | None = None
    ) -> None:
        self._progress = progress
        self._report = report
        self._state_file = state_file
        self._log = log
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._write("fetching")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._write("done" if error is None else "failed")
        if self._report:
            self._report.finish(self._progress.snapshot())

    def _run(self) -> None:
        number = 0
        while not self._ended.wait(STATE_SECONDS):
            self._write("fetching")
            if self._report and number % STATES_PER_LINE == 0:
                self._report.write(self._progress.snapshot())
            number += 1
            if number % STATES_PER_LINE == 0:
                self._log.info("models_progress", **asdict(self._progress.snapshot()))

    def _write(self, state: str) -> None:
        if self._state_file is None:
            return
        content = {"state": state, **asdict(self._progress.snapshot()), "updated_at": time.time()}
        try:
            write_status_file(self._state_file, content)
        except OSError as error:
            # Missing metrics must not fail the download.
            self._log.warning("models_state_not_written", reason=str(error))
