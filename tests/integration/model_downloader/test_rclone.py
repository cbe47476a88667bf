"""Download from another server than that of the other tests: it checks signatures, and answers ranges with 200."""

import os
from pathlib import Path

import pytest

from benchmarks.file_servers import ACCESS_KEY, SECRET_KEY, rclone
from runtime_image.model_downloader.errors import DownloadFailed
from tests.integration.model_downloader.harness import CHECKPOINT, PART_BYTES, DownloaderHarness

CONTENT = os.urandom(3 * PART_BYTES + 5)


def test_models_come_from_rclone(harness: DownloaderHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "served" / harness.proxy.bucket / CHECKPOINT
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    with rclone(tmp_path / "served") as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        file = harness.remote(CHECKPOINT)
        harness.fetch(file)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-key-of-some-length")
        (harness.directory / CHECKPOINT).unlink()
        with pytest.raises(DownloadFailed, match="cannot be looked up"):
            harness.fetch(file)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        harness.fetch(file)
    assert harness.content() == CONTENT
    assert [event["checked_by"] for event in harness.events if event["event"] == "model_fetched"] == ["md5", "md5"]
