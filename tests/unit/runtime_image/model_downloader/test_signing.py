"""Requests that are signed once a bucket's address is known are those that botocore signs without knowing it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from runtime_image.model_downloader.signing import SIGNATURE_SECONDS, Signer

#: Keys that the models folder has a place for.
KEYS = st.lists(
    st.text(st.characters(exclude_categories=["C"], exclude_characters="/\\"), min_size=1).filter(
        lambda name: not name.startswith(".")
    ),
    min_size=1,
).map("/".join)
BUCKETS = [
    pytest.param("models", {}, id="virtual-host"),
    pytest.param("models.of.ours", {}, id="dots-in-the-name"),
    pytest.param("models", {"endpoint_url": "http://127.0.0.1:9000/s3"}, id="other-server"),
    pytest.param("models", {"region_name": "aws-global"}, id="no-region"),
    pytest.param("models", {"use_dualstack_endpoint": True}, id="dual-stack"),
    pytest.param("models", {"aws_session_token": "a-token/+="}, id="session-token"),
    pytest.param("arn:aws:s3:eu-west-1:123456789012:accesspoint/models", {}, id="access-point-elsewhere"),
]


class World:
    """A client of boto3 and a signer with the same credentials."""

    def __init__(self, bucket: str, options: Mapping[str, Any]) -> None:
        config = {key: options[key] for key in options if key.startswith("use_")}
        credentials = {"aws_access_key_id": "an-id", "aws_secret_access_key": "a-secret", "region_name": "eu-south-1"}
        self.client = boto3.client(
            "s3",
            config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}, **config),
            **credentials | {key: options[key] for key in options if key not in config},
        )
        self.bucket = bucket
        self.signer = Signer(
            client=self.client,
            credentials=Credentials("an-id", "a-secret", options.get("aws_session_token")),
            bucket=bucket,
        )

    def assert_same(self, key: str) -> None:
        while True:
            (ours, our_query), (theirs, their_query) = parts(self.signer.sign(key).url), parts(self.presigned(key))
            if our_query["X-Amz-Date"] == their_query["X-Amz-Date"]:
                break
        assert (ours, our_query) == (theirs, their_query)

    def presigned(self, key: str) -> str:
        parameters = {"Bucket": self.bucket, "Key": key, "ChecksumMode": "ENABLED"}
        return self.client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=SIGNATURE_SECONDS)


def parts(url: str) -> tuple[str, dict[str, list[str]]]:
    address, _, query = url.partition("?")
    return address, parse_qs(query, strict_parsing=True)


@pytest.fixture(autouse=True)
def _without_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


@pytest.mark.parametrize(("bucket", "options"), BUCKETS)
def test_a_request_is_the_one_that_botocore_signs(bucket: str, options: Mapping[str, Any]) -> None:
    world = World(bucket, options)
    for key in ("a.safetensors", "Lora/a b+c%2F~é.safetensors"):
        world.assert_same(key)


def test_so_it_is_for_every_key() -> None:
    world = World("models", {})

    @given(KEYS)
    def check(key: str) -> None:
        world.assert_same(key)

    check()


class DirectoryBucketClient:
    """Signs as a client does for S3 Express, of whose sessions only botocore knows."""

    def generate_presigned_url(self, method: str, *, Params: Mapping[str, str], ExpiresIn: int) -> str:
        credential = "a-session%2F20261128%2Feu-south-1%2Fs3express%2Faws4_request"
        return (
            f"https://{Params['Bucket']}.s3express-eus1-az1.eu-south-1.amazonaws.com/{Params['Key']}"
            f"?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Expires={ExpiresIn}"
        )


def test_a_bucket_whose_requests_are_signed_another_way_is_left_to_botocore() -> None:
    client: Any = DirectoryBucketClient()
    signer = Signer(client=client, credentials=Credentials("an-id", "a-secret"), bucket="models--eus1-az1--x-s3")
    address, query = parts(signer.sign("Lora/a.safetensors").url)
    assert address == "https://models--eus1-az1--x-s3.s3express-eus1-az1.eu-south-1.amazonaws.com/Lora/a.safetensors"
    assert query["X-Amz-Credential"] == ["a-session/20261128/eu-south-1/s3express/aws4_request"]
