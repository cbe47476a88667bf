"""Parsing of s3 links, the buckets that they may name, and the objects of own buckets."""

import contextlib
import gzip
import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from types_boto3_s3 import S3Client

from guarded_http.errors import LinkRefused, LinkUnavailable
from runtime_image.agent.core.errors import StorageFailed
from runtime_image.agent.prepare.inputs.fetchers import S3Fetcher, may_be_read, parse_s3_url
from runtime_image.process.logs import EventLog
from runtime_image.process.retry import Retry
from tests.harness.still_clock import StillClock


def test_bucket_and_key() -> None:
    assert parse_s3_url("s3://bucket/a b/ä.png") == ("bucket", "a b/ä.png")


@pytest.mark.parametrize("url", ["s3://", "s3://bucket", "s3://bucket/", "s3:///key", ""])
def test_what_names_no_object_is_refused(url: str) -> None:
    with pytest.raises(LinkRefused, match="s3://bucket/key"):
        parse_s3_url(url)


@given(st.sampled_from(["http://", "https://", "s3://", ""]), st.text())
def test_nothing_else_is_raised(beginning: str, rest: str) -> None:
    with contextlib.suppress(LinkRefused):
        assert all(parse_s3_url(beginning + rest))


@pytest.mark.parametrize(
    ("bucket", "key", "allowed"),
    [
        ("pictures", "any/where.png", True),
        ("tasks", "uploads/x.png", True),
        ("tasks", "uploads/deeper/x.png", True),
        ("tasks", "messages/x.json", False),
        ("tasks", "uploads", False),
        ("tasks", "uploads-of-others/x.png", False),
        ("tasks", "uploads/../messages/x.json", False),
        ("tasks", "./uploads/x.png", False),
        ("tasks", "/uploads/x.png", False),
        ("task", "s/uploads/x.png", False),
        ("", "x.png", False),
    ],
)
def test_a_place_is_a_bucket_or_a_folder_of_one(bucket: str, key: str, *, allowed: bool) -> None:
    assert may_be_read(bucket, key, {"pictures", "tasks/uploads/"}) == allowed


@pytest.fixture
def fetcher() -> Iterator[tuple[S3Fetcher, S3Client]]:
    """Return a fetcher with an own bucket, `tasks`, that holds an upload."""
    with mock_aws():
        storage = boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        storage.create_bucket(Bucket="tasks")
        storage.put_object(Bucket="tasks", Key="uploads/shop/x.png", Body=b"as checked")
        clock = StillClock()
        retry = Retry(clock=clock, log=EventLog(logging.getLogger("test")))
        yield (
            S3Fetcher(storage=storage, buckets=["tasks/uploads/"], own_buckets=["tasks"], retry=retry, clock=clock),
            storage,
        )


UPLOAD = "s3://tasks/uploads/shop/x.png"


def test_an_own_bucket_gives_the_checked_object_only(fetcher: tuple[S3Fetcher, S3Client]) -> None:
    fetch, storage = fetcher[0].fetch, fetcher[1]
    etag = storage.head_object(Bucket="tasks", Key="uploads/shop/x.png")["ETag"]
    assert fetch(UPLOAD, "a", etag) == b"as checked"
    with pytest.raises(LinkRefused, match="was not checked when the task was sent"):
        fetch(UPLOAD, "a", None)
    storage.put_object(Bucket="tasks", Key="uploads/shop/x.png", Body=b"replaced")
    with pytest.raises(LinkRefused, match="was replaced after the task was sent"):
        fetch(UPLOAD, "a", etag)


def test_what_was_stored_packed_is_unpacked(fetcher: tuple[S3Fetcher, S3Client]) -> None:
    fetch, storage = fetcher[0].fetch, fetcher[1]
    etag = storage.put_object(
        Bucket="tasks", Key="uploads/shop/x.png", Body=gzip.compress(b"as checked"), ContentEncoding="gzip"
    )["ETag"]
    assert fetch(UPLOAD, "a", etag) == b"as checked"


class SlowStorage:
    """Gives every object in two pieces, each after 15 seconds."""

    def __init__(self, clock: StillClock) -> None:
        self._clock = clock

    def get_object(self, **_: str) -> dict[str, Any]:
        return {"ContentLength": 2, "Body": self}

    def iter_chunks(self, _: int) -> Iterator[bytes]:
        for chunk in (b"a", b"b"):
            self._clock.seconds += 15
            yield chunk

    def close(self) -> None:
        pass


def test_a_slow_s3_is_not_the_senders_fault() -> None:
    clock = StillClock()
    retry = Retry(clock=clock, log=EventLog(logging.getLogger("test")))
    storage: Any = SlowStorage(clock)
    fetcher = S3Fetcher(storage=storage, buckets=["pictures"], own_buckets=[], retry=retry, clock=clock)

    with pytest.raises(StorageFailed, match="S3 did not give it within 20 s") as slow:
        fetcher.fetch("s3://pictures/x.png", "a", None)
    assert slow.value.retryable


def test_a_key_with_percent_codes_is_told(fetcher: tuple[S3Fetcher, S3Client]) -> None:
    with pytest.raises(LinkUnavailable, match=r"S3 answered .*an s3 link has the key itself, without %-codes"):
        fetcher[0].fetch("s3://tasks/uploads/a%20b.png", "a", '"0"')
