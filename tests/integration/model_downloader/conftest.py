"""A world for the model downloader: a model bucket (moto over HTTP) behind a proxy that meddles."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from runtime_image.model_downloader import file_download
from runtime_image.model_downloader.bucket import ModelBucket, open_bucket
from runtime_image.model_downloader.disk_quota import DiskQuota
from runtime_image.model_downloader.downloader import Downloader
from runtime_image.model_downloader.folder import ModelsFolder
from runtime_image.model_downloader.progress import DownloadProgress
from runtime_image.model_downloader.remote_file import RemoteFile
from runtime_image.process.logs import EventLog
from tests.harness.aws_endpoint import serve_aws
from tests.integration.model_downloader.fault_proxy import FaultProxy

PROJECT = Path(__file__).parents[3]
CHECKPOINT = "Stable-diffusion/base.safetensors"
#: Bytes of a request in these tests, so that small files have several.
RANGE_BYTES = 64 * 1024


@dataclass
class ModelWorld:
    """A bucket, the folder that gets its files, and what was said on the way."""

    proxy: FaultProxy
    s3: Any
    directory: Path
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def bucket(self) -> ModelBucket:
        return open_bucket(self.proxy.bucket)

    @property
    def folder(self) -> ModelsFolder:
        return ModelsFolder(self.directory)

    def put(self, key: str, content: bytes, **parameters: Any) -> RemoteFile:
        self.s3.put_object(Bucket=self.proxy.bucket, Key=key, Body=content, **parameters)
        return self.remote(key)

    def remote(self, key: str) -> RemoteFile:
        found = self.bucket.find(key)
        assert found is not None
        return found

    def fetch(self, *files: RemoteFile, max_bytes: int | None = None, **options: Any) -> DownloadProgress:
        progress = DownloadProgress(files=len(files), total_bytes=sum(file.size for file in files))
        keys = {file.key for file in files}
        log = _Recorder(self.events)
        quota = DiskQuota(self.folder, max_bytes=max_bytes, is_needed=lambda key: key in keys, log=log)
        Downloader(bucket=self.bucket, folder=self.folder, quota=quota, progress=progress, log=log, **options).run(
            files
        )
        return progress

    def content(self, key: str = CHECKPOINT) -> bytes | None:
        path = self.directory / key
        return path.read_bytes() if path.exists() else None

    def left_over(self) -> list[str]:
        """Return the hidden files of unfinished downloads."""
        return [path.name for path in self.directory.rglob(".*") if path.suffix in {".part", ".journal"}]

    def environment(self, **variables: str) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if name.startswith(("AWS_", "PATH"))},
            "AWS_ENDPOINT_URL": self.proxy.url,
            "MODEL_BUCKET": self.proxy.bucket,
            "MODELS_DIRECTORY": str(self.directory),
            **variables,
        }

    def start(self, **variables: str) -> "subprocess.Popen[str]":
        """Start `python -m runtime_image.model_downloader`."""
        return subprocess.Popen(
            [sys.executable, "-m", "runtime_image.model_downloader"],
            env=self.environment(**variables),
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, **variables: str) -> tuple[int, list[dict[str, Any]]]:
        """Run it to its end; return exit code and events."""
        process = self.start(**variables)
        output, _ = process.communicate(timeout=60)
        return process.returncode, [json.loads(line) for line in output.splitlines()]


class _Recorder(EventLog):
    """A log that keeps its lines."""

    def __init__(self, events: list[dict[str, Any]], fields: dict[str, Any] | None = None) -> None:
        super().__init__(logging.getLogger("models"), fields)
        self._events = events

    def bind(self, **fields: object) -> "_Recorder":
        return _Recorder(self._events, {**self._fields, **fields})

    def _log(self, level: int, event: str, fields: dict[str, Any], error: BaseException | None = None) -> None:
        self._events.append({"event": event, **self._fields, **fields})


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with serve_aws() as url:
        yield url


@pytest.fixture
def world(s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelWorld]:
    credentials = {
        "AWS_ACCESS_KEY_ID": "example",
        "AWS_SECRET_ACCESS_KEY": "example-secret-key",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in credentials.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(file_download, "RANGE_BYTES", RANGE_BYTES)
    monkeypatch.setattr(file_download, "NOTED_BYTES", RANGE_BYTES // 4)
    monkeypatch.setattr(file_download, "PAUSES_SECONDS", (0.0, 0.01, 0.01))
    bucket = f"models-{uuid4().hex[:12]}"
    s3 = boto3.client("s3", endpoint_url=s3_endpoint)
    s3.create_bucket(Bucket=bucket)
    with FaultProxy(s3_endpoint, bucket).serve() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield ModelWorld(proxy, s3, tmp_path / "models")
