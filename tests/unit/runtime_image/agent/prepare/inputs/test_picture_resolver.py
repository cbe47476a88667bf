"""All pictures of one task: each once, in parallel, and errors by the field's name."""

import base64
from typing import Any

import pytest

from contract.errors import InvalidTask
from contract.picture_formats import UnusablePicture
from contract.upload import MAX_LINKS
from contract.work import Size
from guarded_http.errors import LinkUnavailable
from runtime_image.agent.prepare.inputs import picture_resolver
from runtime_image.agent.prepare.inputs.picture_reader import InputPicture
from runtime_image.agent.prepare.inputs.picture_resolver import PictureResolver, PictureTools
from runtime_image.webui.request import TEXT_FIELDS

#: What the finder takes for a PNG.
PNG = b"\x89PNG\r\n\x1a\n" + bytes(61)


class Fetches:
    def __init__(self) -> None:
        self.urls: list[str] = []
        self.prefix = b""

    def __call__(self, url: str, _task_id: str = "", _etag: str | None = None) -> bytes:
        self.urls.append(url)
        if "missing" in url:
            raise LinkUnavailable("example.com answered 404")
        return self.prefix + url.encode()


def read(data: bytes) -> InputPicture:
    if b"broken" in data:
        raise UnusablePicture("it is cut off")
    return InputPicture(data.removeprefix(b"deep "), Size(1, 1))


def resolver(fetches: Fetches) -> PictureResolver:
    tools = PictureTools(fetch_http=fetches, fetch_s3=fetches, read=read)
    return PictureResolver(load_tools=lambda: tools, text_fields=TEXT_FIELDS)


def refused(body: dict[str, Any], fetches: Fetches | None = None) -> dict[str, Any]:
    with pytest.raises(InvalidTask) as refusal:
        resolver(fetches or Fetches()).resolve(body, "task.content", task_id="cat", etags={})
    return refusal.value.as_dict()


def encoded(url: str) -> str:
    return base64.b64encode(url.encode()).decode()


def test_every_link_is_replaced_and_fetched_once() -> None:
    fetches = Fetches()
    a, b = "https://example.com/a", "s3://bucket/b"
    body = {"prompt": a, "init_images": [a, a, "plain"], "alwayson_scripts": {"x": {"args": [b]}}}

    replaced, sizes = resolver(fetches).resolve(body, "task.content", task_id="cat", etags={})
    assert replaced == {
        "prompt": a,
        "init_images": [encoded(a), encoded(a), "plain"],
        "alwayson_scripts": {"x": {"args": [encoded(b)]}},
    }
    assert sorted(fetches.urls) == [a, b]
    assert sizes == dict.fromkeys(["init_images[0]", "init_images[1]", "alwayson_scripts.x.args[0]"], Size(1, 1))


def test_blanks_around_a_link_are_not_sent() -> None:
    fetches = Fetches()
    body = {"init_images": [" https://example.com/a\r\n"], "mask": "\ts3://bucket/b c.png\n"}

    resolver(fetches).resolve(body, "task.content", task_id="cat", etags={})
    assert sorted(fetches.urls) == ["https://example.com/a", "s3://bucket/b c.png"]


def test_a_picture_is_plain_base64_as_the_reader_gives_it() -> None:
    as_it_is = base64.b64encode(PNG).decode()
    body = {"init_images": [as_it_is, f" data:;base64,{as_it_is[:50]}\r\n{as_it_is[50:]}", "a" * 60]}

    replaced, sizes = resolver(Fetches()).resolve(body, "task.content", task_id="cat", etags={})
    assert replaced == {"init_images": [as_it_is, as_it_is, "a" * 60]}
    assert list(sizes) == ["init_images[0]", "init_images[1]"]


def test_a_picture_that_the_reader_changed_goes_on_changed() -> None:
    fetches = Fetches()
    fetches.prefix = b"deep "
    body = {"mask": "https://example.com/a"}
    assert resolver(fetches).resolve(body, "task.content", task_id="cat", etags={})[0] == {
        "mask": encoded(body["mask"])
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (base64.b64encode(PNG + b"broken").decode(), "cannot be used: it is cut off"),
        (base64.b64encode(PNG).decode() + "!", "cannot be used: '!' is not a character of base64"),
    ],
)
def test_a_broken_picture_is_refused_with_its_field(text: str, reason: str) -> None:
    body = {"script_args": ["https://example.com/a", text]}
    with pytest.raises(InvalidTask) as refusal:
        resolver(Fetches()).resolve(body, "task.content", task_id="cat", etags={})
    (detail,) = refusal.value.details
    assert (detail.field, detail.message) == ("task.content.script_args[1]", reason)


def test_a_link_to_a_broken_picture_is_refused_as_a_link() -> None:
    body = {"mask": "https://example.com/broken?X-Amz-Signature=SECRET"}
    error = refused(body)
    assert (error["code"], error["details"][0]["field"]) == ("link_refused", "task.content.mask")
    assert error["message"].endswith("broken?… cannot be used: it is cut off")


def test_an_error_names_the_field_and_the_reason() -> None:
    body = {"init_images": ["https://example.com/a", "https://example.com/missing"]}
    error = refused(body)
    assert (error["code"], error["details"][0]["field"]) == ("link_unavailable", "task.content.init_images[1]")
    assert error["message"].endswith("answered 404")


def test_an_error_repeats_no_signature_of_a_presigned_link() -> None:
    body = {"mask": "https://b.s3.amazonaws.com/missing.png?X-Amz-Signature=SECRET"}
    error = refused(body)
    assert "https://b.s3.amazonaws.com/missing.png" in error["message"]
    assert "SECRET" not in str(error)


def test_too_many_links_are_refused_before_any_is_fetched() -> None:
    fetches = Fetches()
    error = refused({"x": ["https://example.com/"] * (MAX_LINKS + 1)}, fetches)
    assert error["code"] == "link_refused"
    assert error["message"] == "task.content: holds 33 links; 32 are accepted"
    assert fetches.urls == []


def test_a_task_holds_no_more_bytes_and_pixels_than_the_machine_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_resolver, "MAX_TASK_BYTES", 3 * 2**20)
    monkeypatch.setattr(picture_resolver, "MAX_TASK_PIXELS", 2)
    # The same picture counts as often as the request has it.
    linked = {"init_images": ["https://example.com/a", "https://example.com/a"], "mask": "https://example.com/b"}
    inline = {"imageList": [{"data": base64.b64encode(PNG).decode()}] * 3}
    for body in (linked, inline):
        error = refused(body)
        assert (error["code"], error["details"][0]["field"]) == ("limit_exceeded", "task.content")
        assert "holds pictures with more than 0 megapixels in all" in error["message"]
    heavy = Fetches()
    heavy.prefix = bytes(2 * 2**20)
    error = refused({"init_images": linked["init_images"]}, heavy)
    assert "holds pictures with more than 3 MiB in all" in error["message"]
    many = Fetches()
    many.prefix = bytes(2 * 2**20)
    refused({"init_images": [f"https://example.com/{number}" for number in range(MAX_LINKS)]}, many)
    # Those under way when the limit is reached are the last.
    assert len(many.urls) <= 1 + picture_resolver.PARALLEL_FETCHES
