"""Report of a starting replica in the task table, for callers whose tasks wait for it."""

from collections.abc import Callable, Mapping
from typing import Protocol

from runtime_image.model_downloader.progress import ProgressSnapshot
from runtime_image.process.aws import AWS_ERRORS
from runtime_image.process.logs import EventLog


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
