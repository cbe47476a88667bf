"""Parsing of s3 links, and the buckets that they may name."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.upload import MAX_UPLOAD_BYTES, UPLOAD_TYPES
from guarded_http.errors import LinkRefused
from runtime_image.agent.prepare.inputs.fetchers import MAX_LINK_BYTES, may_be_read, parse_s3_url
from runtime_image.agent.prepare.inputs.image_check import FORMATS


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


def test_what_may_be_uploaded_may_be_linked_to() -> None:
    assert MAX_UPLOAD_BYTES == MAX_LINK_BYTES
    assert {name.removeprefix("image/").upper() for name in UPLOAD_TYPES} == set(FORMATS)
