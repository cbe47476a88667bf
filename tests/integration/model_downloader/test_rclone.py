"""Another server than the one that the other tests know: signatures are checked, and ranges answered with 200."""

import os
from pathlib import Path

import pytest

from benchmarks.file_servers import ACCESS_KEY, SECRET_KEY, rclone
from runtime_image.process.exit_codes import ExitCode
from tests.integration.model_downloader.conftest import CHECKPOINT, ModelWorld
from tests.integration.model_downloader.fault_proxy import FaultProxy

CONTENT = os.urandom(20_000_000)


def test_models_come_from_rclone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "served" / "models" / CHECKPOINT
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with rclone(tmp_path / "served") as url:
        world = ModelWorld(FaultProxy(url, "models", url=url), None, tmp_path / "models")
        code, events = world.run(MODEL_FILENAME="base.safetensors")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-key-of-some-length")
        refused, _ = world.run(MODEL_FILENAME="base.safetensors")
    assert code == ExitCode.STOPPED, events
    assert world.content() == CONTENT
    assert [event["checked_by"] for event in events if event["event"] == "model_fetched"] == ["md5"]
    assert refused == ExitCode.DOWNLOAD_FAILED
