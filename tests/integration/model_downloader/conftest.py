"""Fixture of the model downloader's tests."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest

from runtime_image.model_downloader import bucket as bucket_module
from runtime_image.model_downloader import downloader
from tests.harness.aws_endpoint import serve_aws
from tests.integration.model_downloader.fault_proxy import FaultProxy
from tests.integration.model_downloader.harness import PART_BYTES, DownloaderHarness


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with serve_aws() as url:
        yield url


@pytest.fixture
def harness(s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DownloaderHarness]:
    credentials = {
        "AWS_ACCESS_KEY_ID": "example",
        "AWS_SECRET_ACCESS_KEY": "example-secret-key",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in credentials.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(downloader, "PART_BYTES", PART_BYTES)
    monkeypatch.setattr(downloader, "PAUSES_SECONDS", (0.0, 0.01, 0.01))
    monkeypatch.setattr(bucket_module, "ATTEMPTS", 1)
    bucket = f"models-{uuid4().hex[:12]}"
    s3 = boto3.client("s3", endpoint_url=s3_endpoint)
    s3.create_bucket(Bucket=bucket)
    with FaultProxy(s3_endpoint, bucket).serve() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield DownloaderHarness(proxy, s3, tmp_path / "models", monkeypatch)
