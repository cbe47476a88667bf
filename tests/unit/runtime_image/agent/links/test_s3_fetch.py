"""Links to S3 are taken apart, and no text makes that raise anything but a refusal."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_http.errors import LinkRefused
from runtime_image.agent.links.s3_fetch import parse_s3_url


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
