"""Address and signatures of the model bucket; tests/integration/model_downloader reads from it over HTTP."""

from urllib.parse import urlsplit

import pytest

from runtime_image.model_downloader.bucket import open_bucket
from runtime_image.model_downloader.remote_file import RemoteFile


def test_requests_are_signed_for_the_region_of_the_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-south-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    bucket = open_bucket("models")
    request = bucket.sign(RemoteFile("Stable-diffusion/a.safetensors", 1, "0"))
    assert urlsplit(request.url).netloc == "models.s3.eu-south-1.amazonaws.com"
