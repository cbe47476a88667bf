"""Report of a starting replica: how far its models are, without any failure for the download."""

import logging
from collections.abc import Mapping

import pytest

from runtime_image.model_downloader.progress import DownloadProgress
from runtime_image.model_downloader.progress_reporter import ProgressReporter
from runtime_image.process.logs import EventLog


class FakeTable:
    """Records the reports; fails if it has an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.written: list[dict[str, int]] = []
        self._error = error

    def write(self, models: Mapping[str, int]) -> None:
        if self._error:
            raise self._error
        self.written.append(dict(models))


def reporter_to(table: FakeTable, progress: DownloadProgress) -> ProgressReporter:
    log = EventLog(logging.getLogger("start report"))
    return ProgressReporter(progress, state_file=None, log=log, write_start=table.write)


def test_reports_say_how_far_the_models_are() -> None:
    table, progress = FakeTable(), DownloadProgress(files=2, total_bytes=100)
    with reporter_to(table, progress) as reporter:
        progress.on_disk("a", 40)
        reporter.report_start()
        progress.on_disk("b", 60)
    assert table.written == [{"bytes": 100, "bytes_done": 40}, {"bytes": 100, "bytes_done": 100}]


def test_a_short_download_opens_no_table() -> None:
    table = FakeTable()
    with reporter_to(table, DownloadProgress(files=2, total_bytes=100)):
        pass
    assert table.written == []


@pytest.mark.parametrize("error", [ConnectionError("no route"), ValueError("a mistake of ours")])
def test_no_failure_ends_the_download(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    table = FakeTable(error)
    with reporter_to(table, DownloadProgress(files=2, total_bytes=100)) as reporter:
        reporter.report_start()
    assert "start_not_reported" in caplog.text
