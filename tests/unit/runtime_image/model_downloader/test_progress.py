import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from runtime_image.model_downloader import progress_reporter
from runtime_image.model_downloader.progress import DownloadProgress
from runtime_image.model_downloader.progress_reporter import ProgressReporter
from runtime_image.process.logs import EventLog, JsonFormatter


class LineCollector(logging.Handler):
    """Keeps the lines of a log."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.lines: list[str] = []
        self.has_line = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
        self.has_line.set()


def test_log_and_file_report_the_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_reporter, "STATE_SECONDS", 0.01)
    logger, collector, state_file = logging.getLogger("test_progress"), LineCollector(), tmp_path / "models.json"
    logger.setLevel(logging.INFO)
    logger.addHandler(collector)
    progress = DownloadProgress(files=2, total_bytes=100)
    progress.fetched("a", 30)
    progress.on_disk("b", 10, is_done=True)
    reports: list[Mapping[str, int]] = []

    with ProgressReporter(progress, state_file=state_file, log=EventLog(logger), write_start=reports.append):
        assert json.loads(state_file.read_text())["state"] == "fetching"
        assert collector.has_line.wait(60)
        assert reports[0] == {"bytes": 100, "bytes_done": 40}

    line = json.loads(collector.lines[0])
    expected = {"event": "models_progress", "files": 2, "files_done": 1, "bytes": 100, "bytes_done": 40}
    assert expected.items() <= line.items()
    assert line["bytes_fetched"] == 30
    assert line["bytes_per_second"] > 0
    assert json.loads(state_file.read_text())["state"] == "done"


def test_bytes_that_proved_wrong_count_no_more() -> None:
    progress = DownloadProgress(files=1, total_bytes=100)
    progress.fetched("a", 100)
    progress.on_disk("a", 0)
    progress.fetched("a", 40)
    assert (progress.snapshot().bytes_done, progress.snapshot().bytes_fetched) == (40, 140)
