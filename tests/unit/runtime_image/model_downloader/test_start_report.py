"""Report of a starting replica: how far its models are, without any failure for the download."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from runtime_image.model_downloader.progress import ProgressSnapshot
from runtime_image.model_downloader.progress_reporter import StartReport
from runtime_image.process.logs import EventLog

SNAPSHOT = ProgressSnapshot(
    files=2, files_done=1, bytes=100, bytes_done=40, bytes_fetched=40, bytes_per_second=1, eta_seconds=60
)


@dataclass
class FakeRecorder:
    """Records the reports; fails if it has an error."""

    written: list[tuple[str, str, dict[str, int]]] = field(default_factory=list)
    error: Exception | None = None
    opened: int = 0

    def open(self) -> "FakeRecorder":
        self.opened += 1
        return self

    def report_start(self, replica: str, runtime: str, models: Mapping[str, int]) -> None:
        if self.error:
            raise self.error
        self.written.append((replica, runtime, dict(models)))


def report_to(recorder: FakeRecorder) -> StartReport:
    log = EventLog(logging.getLogger("start report"))
    return StartReport(open_repository=recorder.open, replica="node-7", runtime="sdxl", log=log)


def test_reports_say_how_far_the_models_are() -> None:
    recorder = FakeRecorder()
    report = report_to(recorder)
    report.write(SNAPSHOT)
    report.finish(replace(SNAPSHOT, bytes_done=100))
    assert recorder.written == [
        ("node-7", "sdxl", {"bytes": 100, "bytes_done": 40}),
        ("node-7", "sdxl", {"bytes": 100, "bytes_done": 100}),
    ]
    assert recorder.opened == 1


def test_a_short_download_opens_no_table() -> None:
    recorder = FakeRecorder()
    report_to(recorder).finish(SNAPSHOT)
    assert (recorder.opened, recorder.written) == (0, [])


@pytest.mark.parametrize("error", [ConnectionError("no route"), ValueError("a mistake of ours")])
def test_no_failure_ends_the_download(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    report_to(FakeRecorder(error=error)).write(SNAPSHOT)
    assert "start_not_reported" in caplog.text
