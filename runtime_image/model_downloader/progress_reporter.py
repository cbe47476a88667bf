"""Reports of a download's progress: log lines, a file for metrics, and the task table for callers whose tasks wait."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from runtime_image.model_downloader.progress import DownloadProgress, ProgressSnapshot
from runtime_image.process.aws import AWS_ERRORS
from runtime_image.process.logs import EventLog
from runtime_image.process.status_file import write_status_file

#: Seconds between two writes of the state file, and the number of writes between two log lines.
STATE_SECONDS: Final = 1.0
STATES_PER_LINE: Final = 5


class StartRecorder(Protocol):
    """Part of the task repository that records a start."""

    def report_start(self, replica: str, runtime: str, models: Mapping[str, int]) -> None:
        """Record that a replica of a runtime starts, with the progress of its models."""


class StartReport:
    """Writes how far the models are. `open_repository` is called with the first report, because it takes a moment."""

    def __init__(
        self, *, open_repository: Callable[[], StartRecorder], replica: str, runtime: str, log: EventLog
    ) -> None:
        self._open_repository = open_repository
        self._repository: StartRecorder | None = None
        self._replica = replica
        self._runtime = runtime
        self._log = log

    def write(self, snapshot: ProgressSnapshot) -> None:
        """Write one report. Only a displayed number depends on it, so no failure may end the download."""
        try:
            self._repository = self._repository or self._open_repository()
            models = {"bytes": snapshot.bytes, "bytes_done": snapshot.bytes_done}
            self._repository.report_start(self._replica, self._runtime, models)
        except AWS_ERRORS as error:
            self._log.warning("start_not_reported", reason=str(error))
        except Exception as error:  # noqa: BLE001 - see above
            self._log.error("start_not_reported", error)

    def finish(self, snapshot: ProgressSnapshot) -> None:
        """Write the last report, unless the download was too short for a first one."""
        if self._repository is not None:
            self.write(snapshot)


class ProgressReporter:
    """Reports in a thread while the context is open. The last state says how the download ended."""

    def __init__(
        self, progress: DownloadProgress, *, state_file: Path | None, log: EventLog, report: StartReport | None = None
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
