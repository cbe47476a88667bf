"""Fixture of the model downloader's tests."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from types_boto3_s3 import S3Client

from runtime_image.model_downloader import bucket as bucket_module
from runtime_image.model_downloader import downloader
from tests.harness.aws_endpoint import serve_aws
from tests.integration.model_downloader.fault_proxy import FaultProxy
from tests.integration.model_downloader.harness import PART_BYTES, DownloaderHarness


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with serve_aws() as url:
        yield url


@pytest.fixture(scope="session")
def s3_session() -> boto3.Session:
    """Return a session for all tests, because each new one reads the models of the AWS API again."""
    return boto3.Session("example", "example-secret-key", region_name="us-east-1")


@pytest.fixture(scope="session")
def s3_client(s3_endpoint: str, s3_session: boto3.Session) -> S3Client:
    return s3_session.client("s3", endpoint_url=s3_endpoint)


@pytest.fixture
def harness(
    s3_endpoint: str,
    s3_session: boto3.Session,
    s3_client: S3Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[DownloaderHarness]:
    # For the tests that start the downloader as a process.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "example")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example-secret-key")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(boto3, "Session", lambda: s3_session)
    monkeypatch.setattr(downloader, "PART_BYTES", PART_BYTES)
    monkeypatch.setattr(downloader, "PAUSES_SECONDS", (0.0, 0.01, 0.01))
    monkeypatch.setattr(bucket_module, "ATTEMPTS", 1)
    bucket = f"models-{uuid4().hex[:12]}"
    s3_client.create_bucket(Bucket=bucket)
    with FaultProxy(s3_endpoint, bucket).serve() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield DownloaderHarness(proxy, s3_client, tmp_path / "models", monkeypatch)
