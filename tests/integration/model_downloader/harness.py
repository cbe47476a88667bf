"""Harness of the model downloader: a model bucket behind a fault proxy, a models folder, and the log events."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from types_boto3_s3 import S3Client

from runtime_image.model_downloader.__main__ import main
from runtime_image.model_downloader.bucket import ModelBucket, RemoteFile, open_bucket
from runtime_image.model_downloader.disk_quota import DiskQuota
from runtime_image.model_downloader.downloader import Downloader
from runtime_image.model_downloader.folder import ModelsFolder
from runtime_image.model_downloader.partial_file import ResumeLog
from runtime_image.model_downloader.progress import DownloadProgress
from runtime_image.process.logs import EventLog
from tests.integration.model_downloader.fault_proxy import FaultProxy

PROJECT = Path(__file__).parents[3]
CHECKPOINT = "Stable-diffusion/base.safetensors"
#: Bytes of a request in these tests, so that small files have several.
PART_BYTES = 64 * 1024
Event = dict[str, Any]
#: Program that downloads with parts of this size.
_PROGRAM = f"""
import sys
from runtime_image.model_downloader import __main__, downloader
downloader.PART_BYTES = {PART_BYTES}
sys.exit(__main__.main())
"""


def always_wanted() -> bool:
    return True


@dataclass
class DownloaderHarness:
    """Bucket, models folder and log of one test."""

    proxy: FaultProxy
    s3: S3Client
    directory: Path
    monkeypatch: pytest.MonkeyPatch
    events: list[Event] = field(default_factory=list)

    @cached_property
    def bucket(self) -> ModelBucket:
        return open_bucket(self.proxy.bucket)

    @property
    def folder(self) -> ModelsFolder:
        return ModelsFolder(self.directory)

    def put(self, key: str, content: bytes) -> RemoteFile:
        self.s3.put_object(Bucket=self.proxy.bucket, Key=key, Body=content)
        return self.remote(key)

    def remote(self, key: str) -> RemoteFile:
        found = self.bucket.find(key)
        assert found is not None
        return found

    def fetch(
        self, *files: RemoteFile, max_bytes: int | None = None, is_wanted: Callable[[], bool] = always_wanted
    ) -> DownloadProgress:
        progress = DownloadProgress(files=len(files), total_bytes=sum(file.size for file in files))
        keys = {file.key for file in files}
        log, folder = EventRecorder(self.events), self.folder
        quota = DiskQuota(folder, max_bytes=max_bytes, is_needed=lambda key: key in keys, log=log)
        Downloader(bucket=self.bucket, folder=folder, quota=quota, progress=progress, log=log, is_wanted=is_wanted).run(
            files
        )
        return progress

    def is_untouched(self) -> bool:
        """Return True as long as no byte of an object was sent."""
        return not any(request.sent for request in self.proxy.gets)

    def content(self, key: str = CHECKPOINT) -> bytes | None:
        path = self.directory / key
        return path.read_bytes() if path.exists() else None

    def unfinished(self) -> list[str]:
        """Return the hidden files of unfinished downloads."""
        return [path.name for path in self.directory.rglob(".*.part")]

    def finished_parts(self, file: RemoteFile) -> set[int]:
        """Return the parts of an unfinished download that its log names."""
        path = self.folder.cached_model(file.key).part
        if not path.exists():
            return set()
        with path.open("rb") as part:
            return ResumeLog(part.fileno(), file, parts=-(-file.size // PART_BYTES)).read()

    def environment(self, **variables: str) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.proxy.url,
            "MODEL_BUCKET": self.proxy.bucket,
            "MODEL_FILENAME": Path(CHECKPOINT).name,
            "MODELS_DIRECTORY": str(self.directory),
            **variables,
        }

    def start(self, prelude: str = "", **variables: str) -> "subprocess.Popen[str]":
        """Start the downloader as a separate process, after the statements `prelude`."""
        return subprocess.Popen(
            [sys.executable, "-c", prelude + _PROGRAM],
            env={**os.environ, **self.environment(**variables)},
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, **variables: str) -> tuple[int, list[Event]]:
        """Run the downloader's `main` in this process; return exit code and log events."""
        handlers = logging.getLogger().handlers[:]
        with self.monkeypatch.context() as patch, redirect_stdout(StringIO()) as output:
            for name, value in self.environment(**variables).items():
                patch.setenv(name, value)
            code = main()
        logging.getLogger().handlers[:] = handlers
        return code, [json.loads(line) for line in output.getvalue().splitlines()]


class EventRecorder(EventLog):
    """Log that keeps its events."""

    def __init__(self, events: list[Event], fields: Event | None = None) -> None:
        super().__init__(logging.getLogger("models"), fields)
        self._events = events

    def bind(self, **fields: object) -> "EventRecorder":
        return EventRecorder(self._events, {**self._fields, **fields})

    def _log(self, level: int, event: str, fields: Event, error: BaseException | None = None) -> None:
        self._events.append({"event": event, **self._fields, **fields})
