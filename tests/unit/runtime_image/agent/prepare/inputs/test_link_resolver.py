"""All links of one task: each once, in parallel, errors by the field's name; and what counts as a picture."""

import base64
import io
import struct
import zlib

import pytest
from PIL import Image

from contract.upload import MAX_LINKS
from contract.work import Size
from guarded_http.errors import LinkRefused, LinkUnavailable
from runtime_image.agent.prepare.inputs.image_check import ImageCheck
from runtime_image.agent.prepare.inputs.link_resolver import LinkResolver, LinkTools
from runtime_image.webui.request import TEXT_FIELDS


class Fetches:
    def __init__(self) -> None:
        self.urls: list[str] = []

    def __call__(self, url: str, _task_id: str = "", _etag: str | None = None) -> bytes:
        self.urls.append(url)
        if "missing" in url:
            raise LinkUnavailable("example.com answered 404")
        return url.encode()


def replacement(fetches: Fetches) -> LinkResolver:
    tools = LinkTools(fetch_http=fetches, fetch_s3=fetches, check_picture=lambda _: Size(1, 1))
    return LinkResolver(load_tools=lambda: tools, text_fields=TEXT_FIELDS)


def encoded(url: str) -> str:
    return base64.b64encode(url.encode()).decode()


def test_every_link_is_replaced_and_fetched_once() -> None:
    fetches = Fetches()
    a, b = "https://example.com/a", "s3://bucket/b"
    body = {"prompt": a, "init_images": [a, a, "plain"], "alwayson_scripts": {"x": {"args": [b]}}}

    assert replacement(fetches).replace(body, "task.content", task_id="cat", etags={}) == {
        "prompt": a,
        "init_images": [encoded(a), encoded(a), "plain"],
        "alwayson_scripts": {"x": {"args": [encoded(b)]}},
    }
    assert sorted(fetches.urls) == [a, b]


def test_an_error_names_the_field_and_the_reason() -> None:
    body = {"init_images": ["https://example.com/a", "https://example.com/missing"]}

    with pytest.raises(LinkUnavailable, match=r"task\.content\.init_images\[1\].*answered 404"):
        replacement(Fetches()).replace(body, "task.content", task_id="cat", etags={})


def test_an_error_repeats_no_signature_of_a_presigned_link() -> None:
    body = {"mask": "https://b.s3.amazonaws.com/missing.png?X-Amz-Signature=SECRET"}

    with pytest.raises(LinkUnavailable, match=r"https://b\.s3\.amazonaws\.com/missing\.png") as raised:
        replacement(Fetches()).replace(body, "task.content", task_id="cat", etags={})
    assert "SECRET" not in raised.value.message


def test_too_many_links_are_refused_before_any_is_fetched() -> None:
    fetches = Fetches()
    with pytest.raises(LinkRefused, match="33 links; 32 are accepted"):
        replacement(fetches).replace(
            {"x": ["https://example.com/"] * (MAX_LINKS + 1)}, "task.content", task_id="cat", etags={}
        )
    assert fetches.urls == []


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_pictures_pass(kind: str) -> None:
    ImageCheck().check(picture(kind))


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a picture"),
        (b"<html></html>", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", "not a picture"),
        (picture("PNG")[:40], "picture"),
        (png_header(50_000, 50_000) + picture("PNG")[33:], "50000 x 50000 pixels; 64 megapixels"),
    ],
)
def test_what_is_none_or_too_large_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(LinkRefused, match=reason):
        ImageCheck().check(data)
