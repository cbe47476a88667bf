"""Base64 as programs write it: every form gives the same picture, and everything else an error with its reason."""

import base64
import contextlib
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contract.encoded_picture import begins_as_picture, is_encoded_picture, plain_base64, read_encoded_picture
from contract.errors import FieldError
from contract.picture_formats import UnusablePicture
from contract.webui_values import optional_picture, picture

PNG = b"\x89PNG\r\n\x1a\n"
BLANKS = st.text(" \t\r\n", max_size=3)
HEADS = st.sampled_from(
    [
        "",
        "data:;base64,",
        "data:image/png;base64,",
        "DATA:image/PNG;BASE64,",
        "data:application/octet-stream;base64,",
        "data:image/png;charset=utf-8;base64,",
        "data:image/svg+xml;name=a.png;base64,",
        "data:image/png; base64,",
    ]
)


@given(
    data=st.binary(max_size=200).map(PNG.__add__),
    head=HEADS,
    around=st.tuples(BLANKS, BLANKS),
    line=st.integers(1, 76),
    end=st.sampled_from(["\n", "\r\n", " ", "\r\n\t"]),
    is_url_safe=st.booleans(),
    is_padded=st.booleans(),
    is_quoted=st.booleans(),
)
@example(
    data=PNG + b"\xff\xfe\xfb", head="", around=("", ""), line=76, end="\n", is_url_safe=True, is_padded=False,
    is_quoted=False,
)  # fmt: skip
def test_every_form_gives_the_same_picture(
    *,
    data: bytes,
    head: str,
    around: tuple[str, str],
    line: int,
    end: str,
    is_url_safe: bool,
    is_padded: bool,
    is_quoted: bool,
) -> None:
    plain = base64.b64encode(data).decode()
    text = base64.urlsafe_b64encode(data).decode() if is_url_safe else plain
    text = text if is_padded else text.rstrip("=")
    text = quote(text, safe="") if is_quoted and head else text
    # A quoted sign must stay whole, as in a URL.
    pieces = [text] if "%" in text else [text[at : at + line] for at in range(0, len(text), line)]
    written = around[0] + head + end.join(pieces) + around[1]

    errors: list[FieldError] = []
    assert read_encoded_picture(written) == picture(written, "mask", errors) == plain
    assert not errors
    # What the edge has read is read again by the agent.
    assert plain_base64(plain) == plain
    assert begins_as_picture(plain) == is_encoded_picture(plain) == (len(plain) >= 40)


@given(st.text() | st.text("ABab+/-_=% \n:,;").map("data:".__add__) | st.binary().map(repr))
def test_nothing_but_the_error_is_raised(text: str) -> None:
    with contextlib.suppress(UnusablePicture):
        plain = plain_base64(text)
        assert base64.b64encode(base64.b64decode(plain, validate=True)).decode()[:-4] == plain[:-4]
    begins_as_picture(text * 20)
    is_encoded_picture(text * 20)


PICTURE = base64.b64encode(PNG + bytes(61)).decode()
ACCEPTED = "PNG, JPEG, WebP, GIF, BMP and TIFF are accepted"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "but it is empty"),
        ("data:image/png;base64,", "but it is empty"),
        ("not base64!!", "but '!' is not a character of base64"),
        (f"b'{PICTURE}'", 'but "\'" is not a character of base64'),
        (f"{PICTURE}AA=={PICTURE}", "but '=' is not a character of base64"),
        (PICTURE[:-3], "but its base64 is cut off after 89 characters"),
        ("data:image/png;base65,AAAA", "but it is a data URL without base64"),
        ("data:base64,AAAA", "but it is a data URL without base64"),
        ("data:image/svg+xml,<svg/>", "but it is a data URL without base64"),
        ("/var/darkroom/models/aaa", f"but it is not a picture; {ACCEPTED}"),
        (base64.b64encode(b"\0\0\0\x18ftypheic\0\0\0\0").decode(), f"but it is HEIC; {ACCEPTED}"),
        (f"data:image/png;base64,{base64.b64encode(b'<svg/>').decode()}", f"but it is SVG; {ACCEPTED}"),
        (f"{PICTURE}\ud800", r"but '\ud800' is not a character of base64"),
        ("https://example.com/a\nb.png", "not a link with a line break"),
        ("s3://bucket/a\x00b.png", "not a link with a line break"),
        (["a"], "not an array"),
        (5, "not a number"),
    ],
)
def test_what_is_no_picture_is_refused_with_the_reason(value: object, reason: str) -> None:
    errors: list[FieldError] = []
    picture(value, "mask", errors)
    (error,) = errors
    assert error.field == "mask"
    assert error.message.startswith("must be a picture, as one whole link or as base64, ")
    assert reason in error.message
    assert len(error.message) < 200


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://example.com/a.png\n", "https://example.com/a.png"),
        ("\t s3://bucket/a b/ä.png ", "s3://bucket/a b/ä.png"),
        ("https://example.com/a b.png", "https://example.com/a b.png"),
        (
            "https://b.s3.amazonaws.com/k?X-Amz-Signature=a%2Fb+c%3D",
            "https://b.s3.amazonaws.com/k?X-Amz-Signature=a%2Fb+c%3D",
        ),
    ],
)
def test_blanks_around_a_link_are_removed_and_nothing_else(written: str, read: str) -> None:
    errors: list[FieldError] = []
    assert picture(written, "mask", errors) == read
    assert not errors


def test_an_empty_text_is_no_mask_but_not_a_picture() -> None:
    errors: list[FieldError] = []
    assert optional_picture("", "mask", errors) == ""
    assert not errors
    optional_picture(" ", "mask", errors)
    assert [error.field for error in errors] == ["mask"]


@pytest.mark.parametrize("text", ["iVBORw0KGgo of a cat", "a prompt about iVBORw0KGgo", "Qk0", "", "x" * 100])
def test_other_text_is_not_a_picture(text: str) -> None:
    assert not begins_as_picture(text)
    assert not is_encoded_picture(text)


def test_what_the_web_ui_would_repair_is_found() -> None:
    spoiled = f"!{PICTURE[:30]}?{PICTURE[30:]}"
    assert begins_as_picture(spoiled)
    assert not is_encoded_picture(spoiled)
