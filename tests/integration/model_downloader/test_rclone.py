"""Download from another server than that of the other tests: it checks signatures, and answers ranges with 200."""

import os
from pathlib import Path

import boto3
import pytest
from boto3 import Session

from benchmarks.file_servers import ACCESS_KEY, SECRET_KEY, rclone
from runtime_image.model_downloader.bucket import open_bucket
from runtime_image.model_downloader.errors import DownloadFailed
from tests.integration.model_downloader.harness import CHECKPOINT, PART_BYTES, DownloaderHarness

CONTENT = os.urandom(3 * PART_BYTES + 5)


def test_models_come_from_rclone(harness: DownloaderHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "served" / harness.proxy.bucket / CHECKPOINT
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    session, stranger = (Session(ACCESS_KEY, secret, region_name="us-east-1") for secret in (SECRET_KEY, "wrong"))
    with rclone(tmp_path / "served") as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setattr(boto3, "Session", lambda: session)
        file = harness.remote(CHECKPOINT)
        harness.fetch(file)
        monkeypatch.setattr(boto3, "Session", lambda: stranger)
        with pytest.raises(DownloadFailed, match="SignatureDoesNotMatch"):
            list(open_bucket(harness.proxy.bucket).read(file, 0, file.size))
    assert harness.content() == CONTENT
    assert [event["checked_by"] for event in harness.events] == ["md5"]
