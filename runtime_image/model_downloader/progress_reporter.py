"""Reports of a download's progress: log lines, a file for metrics, and the task table for callers whose tasks wait."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from runtime_image.model_downloader.progress import DownloadProgress
from runtime_image.process.aws import AWS_ERRORS
from runtime_image.process.logs import EventLog
from runtime_image.process.status_file import write_status_file

#: Seconds between two writes of the state file, and the number of writes between two log lines.
STATE_SECONDS: Final = 1.0
STATES_PER_LINE: Final = 5


class ProgressReporter:
    """Reports in a thread while the context is open. The last state says how the download ended.

    `write_start` records in the task table how many bytes of the models are here; None if no caller sees it.
    """

    def __init__(
        self,
        progress: DownloadProgress,
        *,
        state_file: Path | None,
        log: EventLog,
        write_start: Callable[[Mapping[str, int]], None] | None = None,
    ) -> None:
        self._progress = progress
        self._write_start = write_start
        self._has_reported = False
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
        # A download that was too short for a first report needs no last one.
        if self._has_reported:
            self.report_start()

    def report_start(self) -> None:
        """Report how far the models are. Only a displayed number depends on it, so no failure may end the download."""
        if self._write_start is None:
            return
        self._has_reported = True
        snapshot = self._progress.snapshot()
        try:
            self._write_start({"bytes": snapshot.bytes, "bytes_done": snapshot.bytes_done})
        except AWS_ERRORS as error:
            self._log.warning("start_not_reported", reason=str(error))
        except Exception as error:  # noqa: BLE001 - see above
            self._log.error("start_not_reported", error)

    def _run(self) -> None:
        number = 0
        while not self._ended.wait(STATE_SECONDS):
            self._write("fetching")
            if number % STATES_PER_LINE == 0:
                self.report_start()
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
