"""Address of the model bucket; tests/integration/model_downloader reads from it over HTTP."""

from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest

from runtime_image.model_downloader.bucket import RemoteFile, open_bucket


class RequestSent(Exception):
    """Raised instead of sending a request."""


def refuse_to_send(request: AWSPreparedRequest, **_: object) -> None:
    raise RequestSent(urlsplit(request.url).netloc)


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
