"""All pictures of one task: each once, in parallel, and errors by the field's name."""

import base64
from typing import Any

import pytest

from contract.errors import InvalidTask
from contract.picture_formats import UnusablePicture
from contract.request_fields import TEXT_FIELDS
from contract.upload import MAX_LINKS
from contract.work import Size
from guarded_http.errors import LinkUnavailable
from runtime_image.agent.prepare.inputs import picture_resolver
from runtime_image.agent.prepare.inputs.picture_resolver import PictureResolver, shown_link
from runtime_image.process.engine import InputFile, InputKind, InputReference
from runtime_image.webui.picture_finder import find_pictures

URL = "https://example.com/a.png"

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


def read(data: bytes) -> InputFile:
    if b"broken" in data:
        raise UnusablePicture("it is cut off")
    return InputFile(data.removeprefix(b"deep "), Size(1, 1))


def resolver(fetches: Fetches) -> PictureResolver:
    return PictureResolver(fetch_http=fetches, fetch_s3=fetches, read=read)


def resolved(body: dict[str, Any], fetches: Fetches) -> dict[str, InputFile]:
    found = list(find_pictures(body, TEXT_FIELDS))
    return resolver(fetches).resolve(found, "task.content", task_id="cat", etags={})


def refused(body: dict[str, Any], fetches: Fetches | None = None) -> dict[str, Any]:
    with pytest.raises(InvalidTask) as refusal:
        resolved(body, fetches or Fetches())
    return refusal.value.as_dict()


def test_every_link_is_fetched_once() -> None:
    fetches = Fetches()
    a, b = "https://example.com/a", "s3://bucket/b"
    body = {"prompt": a, "init_images": [a, a, "plain"], "alwayson_scripts": {"x": {"args": [b]}}}

    linked = {"init_images[0]": a, "init_images[1]": a, "alwayson_scripts.x.args[0]": b}
    assert resolved(body, fetches) == {field: InputFile(url.encode(), Size(1, 1)) for field, url in linked.items()}
    assert sorted(fetches.urls) == [a, b]


def test_blanks_around_a_link_are_not_sent() -> None:
    fetches = Fetches()
    body = {"init_images": [" https://example.com/a\r\n"], "mask": "\ts3://bucket/b c.png\n"}

    resolved(body, fetches)
    assert sorted(fetches.urls) == ["https://example.com/a", "s3://bucket/b c.png"]


def test_every_form_of_base64_is_the_same_file() -> None:
    as_it_is = base64.b64encode(PNG).decode()
    body = {"init_images": [as_it_is, f" data:;base64,{as_it_is[:50]}\r\n{as_it_is[50:]}", "a" * 60]}

    file = InputFile(PNG, Size(1, 1))
    assert resolved(body, Fetches()) == {"init_images[0]": file, "init_images[1]": file}


def test_a_picture_that_the_reader_changed_goes_on_changed() -> None:
    fetches = Fetches()
    fetches.prefix = b"deep "
    body = {"mask": "https://example.com/a"}
    assert resolved(body, fetches)["mask"].data == body["mask"].encode()


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        (InputKind.AUDIO, b"fLaC and more", None),
        (InputKind.VIDEO, b"\0\0\0\x20ftypisom", None),
        (InputKind.FILE, b"anything", None),
        (InputKind.AUDIO, PNG, "it is PNG; send audio here"),
        (InputKind.VIDEO, b"anything", "it is of an unknown format; send video here"),
        (InputKind.FILE, b"", "it is empty"),
    ],
)
def test_a_file_of_another_kind_is_judged_by_its_content(kind: InputKind, data: bytes, reason: str | None) -> None:
    found = [InputReference("file", f"data:;base64,{base64.b64encode(data).decode()}", kind)]
    if reason is None:
        assert resolver(Fetches()).resolve(found, "x", task_id="cat", etags={}) == {"file": InputFile(data)}
    else:
        with pytest.raises(InvalidTask, match=reason):
            resolver(Fetches()).resolve(found, "x", task_id="cat", etags={})


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
        resolved(body, Fetches())
    (detail,) = refusal.value.details
    assert (detail.field, detail.message) == ("task.content.script_args[1]", reason)


@pytest.mark.parametrize("text", ["https://example.com/broken", base64.b64encode(PNG + b"broken").decode()])
def test_a_picture_is_checked_although_another_kind_of_input_has_the_same_text(text: str) -> None:
    found = [InputReference("4.inputs.image", text), InputReference("5.inputs.latent", text, InputKind.FILE)]
    for order in (found, found[::-1]):
        with pytest.raises(InvalidTask) as refusal:
            resolver(Fetches()).resolve(order, "task.content", task_id="cat", etags={})
        assert [detail.field for detail in refusal.value.details] == ["task.content.4.inputs.image"]


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


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (URL, URL),
        (
            "https://b.s3.amazonaws.com/k.png?X-Amz-Expires=60&X-Amz-Signature=SECRET",
            "https://b.s3.amazonaws.com/k.png?…",
        ),
        ("https://example.com?SECRET", "https://example.com?…"),
        ("https://example.com/a.png#SECRET", "https://example.com/a.png?…"),
        ("https://user:SECRET@example.com/a.png", "https://…"),
        ("https://user:SEC?RET@example.com/a.png", "https://…"),
        ("https://example.com/a@b.png", "https://example.com/a@b.png"),
        ("s3://bucket/what?.png", "s3://bucket/what?.png"),
        (f"https://example.com/{'x' * 300}", f"https://example.com/{'x' * 180}"),
        (f"https://example.com/{'x' * 300}?SECRET", f"https://example.com/{'x' * 180}?…"),
    ],
)
def test_what_is_shown_of_a_link_holds_no_secret(url: str, shown: str) -> None:
    assert shown_link(url) == shown
