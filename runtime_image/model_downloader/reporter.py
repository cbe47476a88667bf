"""Tells people and machines how far a download is: log lines, and a file for metrics."""

import json
import threading
import time
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from runtime_image.model_downloader.progress import DownloadProgress
from runtime_image.process.logs import EventLog

#: Seconds between two states of the file, and the number of these between two log lines.
STATE_SECONDS: Final = 1.0
STATES_PER_LINE: Final = 5


class Reporter:
    """Reports while it is entered; the last state says how the download ended."""

    def __init__(self, progress: DownloadProgress, *, state_file: Path | None, log: EventLog) -> None:
        self._progress = progress
        self._state_file = state_file
        self._log = log
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._write("fetching")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._write("done" if error is None else "failed")

    def _run(self) -> None:
        number = 0
        while not self._over.wait(STATE_SECONDS):
            number += 1
            self._write("fetching")
            if number % STATES_PER_LINE == 0:
                self._log.info("models_progress", **asdict(self._progress.snapshot()))

    def _write(self, state: str) -> None:
        if self._state_file is None:
            return
        content = {"state": state, **asdict(self._progress.snapshot()), "updated_at": time.time()}
        temporary = self._state_file.with_name(f".{self._state_file.name}.new")
        try:
            temporary.write_text(json.dumps(content))
            temporary.replace(self._state_file)
        except OSError as error:
            # Nobody's models should fail for want of metrics.
            self._log.warning("models_state_not_written", reason=str(error))
