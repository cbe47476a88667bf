"""Links to outputs, as the clients of the functions sign them: signing needs no server."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from types_boto3_s3 import S3Client

from contract.tenancy import SHARED
from lambdas.create_upload.upload_forms import upload_form
from lambdas.runtime import clients
from lambdas.tasks.output_bucket import OutputBucket

#: Not reached through S3's global endpoint, as every region since 2019.
NEWER_REGION = "eu-south-1"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", NEWER_REGION)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    clients.client.cache_clear()
    yield clients.client("s3")
    clients.client.cache_clear()


def test_links_name_the_region_of_the_bucket(s3: S3Client) -> None:
    link = urlsplit(OutputBucket(client=s3).link("s3://pictures/output/a/a-1.png"))
    assert (link.netloc, link.path) == (f"pictures.s3.{NEWER_REGION}.amazonaws.com", "/output/a/a-1.png")


def test_links_work_for_an_hour(s3: S3Client) -> None:
    link = urlsplit(OutputBucket(client=s3).link("s3://pictures/a.png"))
    assert parse_qs(link.query)["X-Amz-Expires"] == ["3600"]


def test_forms_of_uploads_name_the_region_of_the_bucket(s3: S3Client) -> None:
    body = '{"content_type": "image/png"}'
    answer = upload_form(body, client=s3, bucket="tasks", tenant=SHARED.name, now_ms=1_700_000_000_000)
    assert answer["upload"]["url"] == f"https://tasks.s3.{NEWER_REGION}.amazonaws.com/"


def test_links_of_a_local_server_keep_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5000")
    clients.client.cache_clear()
    link = OutputBucket(client=clients.client("s3")).link("s3://pictures/a.png")
    clients.client.cache_clear()
    assert link.startswith("http://127.0.0.1:5000/pictures/a.png?")
