"""Address of the model bucket; tests/integration/model_downloader reads from it over HTTP."""

from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ClientError, EndpointConnectionError
from types_boto3_s3 import S3Client

from runtime_image.model_downloader.bucket import ModelBucket, RemoteFile, open_bucket
from runtime_image.model_downloader.errors import BucketUnreachable, DownloadFailed


class RequestSent(Exception):
    """Raised instead of sending a request."""


def refuse_to_send(request: AWSPreparedRequest, **_: object) -> None:
    raise RequestSent(urlsplit(request.url).netloc)


def failing_client(failure: Exception) -> S3Client:
    """Return a client of S3 whose every call ends with `failure`, without a pause."""

    def fail(**_: object) -> None:
        raise failure

    client = boto3.client("s3", region_name="eu-south-1", aws_access_key_id="an-id", aws_secret_access_key="a-secret")
    client.meta.events.register("before-call.s3", fail)
    return client


def answer(status: int, code: str) -> ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetObject")


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (EndpointConnectionError(endpoint_url="https://models.s3.amazonaws.com"), BucketUnreachable),
        (answer(503, "SlowDown"), BucketUnreachable),
        (answer(403, "AccessDenied"), DownloadFailed),
    ],
)
def test_a_bucket_in_trouble_differs_from_one_that_refuses(failure: Exception, kind: type[DownloadFailed]) -> None:
    bucket = ModelBucket(client=failing_client(failure), name="models")
    for call in (lambda: list(bucket.list()), lambda: bucket.find("Lora/a.safetensors")):
        with pytest.raises(DownloadFailed) as raised:
            call()
        assert type(raised.value) is kind


@pytest.mark.parametrize(
    ("name", "address"),
    [
        # Requests are signed for the region of the bucket, not for the global endpoint.
        ("models", "models.s3.eu-south-1.amazonaws.com"),
        ("arn:aws:s3:eu-south-1:123456789012:accesspoint/a", "a-123456789012.s3-accesspoint.eu-south-1.amazonaws.com"),
        ("models--eus1-az1--x-s3", "models--eus1-az1--x-s3.s3express-eus1-az1.eu-south-1.amazonaws.com"),
    ],
)
def test_every_kind_of_bucket_has_its_address(monkeypatch: pytest.MonkeyPatch, name: str, address: str) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    session = boto3.Session("an-id", "a-secret", region_name="eu-south-1")
    session.events.register("before-send.s3", refuse_to_send)
    monkeypatch.setattr(boto3, "Session", lambda: session)
    with pytest.raises(RequestSent, match=address):
        list(open_bucket(name).read(RemoteFile("Lora/a+b é.safetensors", 1, "etag"), 0, 1))
