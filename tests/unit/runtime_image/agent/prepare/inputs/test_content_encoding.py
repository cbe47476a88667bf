"""Linked objects that are stored or sent packed."""

import gzip
import zlib
from collections.abc import Callable

import pytest

from guarded_http.errors import LinkRefused
from runtime_image.agent.prepare.inputs.content_encoding import unpack
from stub_webui.png_images import plain_png
from tests.harness.parameter_names import name_bytes

PICTURE = plain_png("packed")
MIB = 1024 * 1024


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (PICTURE, ""),
        (PICTURE, "identity"),
        (packed(PICTURE), "gzip"),
        (packed(PICTURE), "X-GZIP"),
        (packed(PICTURE[:50]) + packed(PICTURE[50:]), "gzip"),
        (packed(PICTURE) + bytes(512), "gzip"),
        (packed(PICTURE), "aws-chunked, gzip"),
        (packed(zlib.compress(PICTURE)), "deflate,gzip"),
        (zlib.compress(PICTURE), "deflate"),
        (raw_deflate(PICTURE), "deflate"),
        # Programs name an encoding that they did not apply.
        (PICTURE, "gzip"),
        (PICTURE, "base64"),
        (PICTURE, "utf-8"),
        (PICTURE, "br"),
    ],
    ids=name_bytes,
)
def test_the_picture_inside_is_returned(data: bytes, encoding: str) -> None:
    assert unpack(data, encoding) == PICTURE


@pytest.mark.parametrize(
    ("data", "encoding", "reason"),
    [
        (b"\x8b\x02\x80\0\0", "br", "its content encoding is br; gzip, deflate and none are accepted"),
        (b"\x28\xb5\x2f\xfd\0", "zstd", "its content encoding is zstd"),
        (packed(PICTURE), "gzip, br", "its content encoding is br"),
        (packed(PICTURE)[:-9], "gzip", "cut off or damaged"),
        (b"<html></html>", "gzip", "cut off or damaged"),
        (b"<html></html>", "deflate", "cut off or damaged"),
        (b"", "x" * 100, f"its content encoding is {'x' * 40};"),
    ],
    ids=name_bytes,
)
def test_another_encoding_is_refused_by_name(data: bytes, encoding: str, reason: str) -> None:
    with pytest.raises(LinkRefused, match=reason):
        unpack(data, encoding)


@pytest.mark.parametrize(("pack", "encoding"), [(packed, "gzip"), (zlib.compress, "deflate")])
def test_a_bomb_is_refused(pack: Callable[[bytes], bytes], encoding: str) -> None:
    assert len(unpack(pack(bytes(MIB)), encoding, max_bytes=MIB)) == MIB
    with pytest.raises(LinkRefused, match="larger than 1 MiB"):
        unpack(pack(bytes(MIB + 1)), encoding, max_bytes=MIB)
    with pytest.raises(LinkRefused, match="larger than 1 MiB"):
        unpack(pack(pack(bytes(100 * MIB))), f"{encoding}, {encoding}", max_bytes=MIB)


def test_many_layers_are_refused_before_they_are_unpacked() -> None:
    content = b"<html></html>"
    for _ in range(5):
        content = packed(content)
    assert unpack(content, ", ".join(["gzip"] * 4)) == packed(b"<html></html>")
    with pytest.raises(LinkRefused, match="it has 5 content encodings; 4 are accepted"):
        unpack(content, ", ".join(["gzip"] * 5))


def test_a_body_of_many_members_is_refused() -> None:
    """50 MiB of them, packed once more to 120 KB, would keep a processor busy for ten seconds."""
    content = packed(b"<html></html>")
    assert unpack(content * 16, "gzip") == b"<html></html>" * 16
    with pytest.raises(LinkRefused, match="it has more than 16 gzip members; pack it as one"):
        unpack(content * 17, "gzip")
