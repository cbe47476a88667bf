import json
import logging
import threading
from pathlib import Path

import pytest

from runtime_image.model_downloader import reporter
from runtime_image.model_downloader.progress import DownloadProgress
from runtime_image.model_downloader.reporter import Reporter
from runtime_image.process.logs import EventLog, JsonFormatter


class Lines(logging.Handler):
    """Keeps the log's lines."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.lines: list[str] = []
        self.came = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
        self.came.set()


def test_log_and_file_tell_how_far_a_download_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "STATE_SECONDS", 0.01)
    logger, lines, state_file = logging.getLogger("test_reporter"), Lines(), tmp_path / "models.json"
    logger.setLevel(logging.INFO)
    logger.addHandler(lines)
    progress = DownloadProgress(files=2, total_bytes=100)
    progress.fetched(40)
    progress.file_done()

    with Reporter(progress, state_file=state_file, log=EventLog(logger)):
        assert json.loads(state_file.read_text())["state"] == "fetching"
        assert lines.came.wait(60)

    line = json.loads(lines.lines[0])
    expected = {"event": "models_progress", "files": 2, "files_done": 1, "bytes": 100, "bytes_done": 40}
    assert expected.items() <= line.items()
    assert line["bytes_per_second"] > 0
    assert json.loads(state_file.read_text())["state"] == "done"
