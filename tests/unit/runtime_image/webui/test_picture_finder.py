"""Links and pictures in a task's content, and fields that are text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.request_fields import TEXT_FIELDS
from runtime_image.process.engine import InputReference
from runtime_image.webui.picture_finder import find_pictures, replace_pictures

URL = "https://example.com/a.png"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([URL, "s3://bucket/key", f"see {URL}"]),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=20,
)


def found(body: dict[str, Any]) -> list[InputReference]:
    return list(find_pictures(body, TEXT_FIELDS))


def test_links_are_found_wherever_they_stand() -> None:
    body = {
        "init_images": [URL, "iVBORw0KGgo="],
        "mask": "s3://bucket/mask.png",
        "alwayson_scripts": {"ControlNet": {"args": [{"image": "HTTP://example.com/b.png", "module": "canny"}]}},
        "script_args": ["", 8, URL],
    }

    assert found(body) == [
        InputReference("init_images[0]", URL),
        InputReference("mask", "s3://bucket/mask.png"),
        InputReference("alwayson_scripts.ControlNet.args[0].image", "HTTP://example.com/b.png"),
        InputReference("script_args[2]", URL),
    ]


@pytest.mark.parametrize("field", sorted(TEXT_FIELDS))
def test_text_stays_text(field: str) -> None:
    body = {field: URL, "alwayson_scripts": {"x": {"args": [{field: URL}]}}}

    assert found(body) == []
    assert replace_pictures(body, {URL: "replaced"}, TEXT_FIELDS) == body


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"init_images": [f"{URL} x"]}, "init_images[0]"),
        ({"alwayson_scripts": {"x": {"args": [f" {URL}"]}}}, "alwayson_scripts.x.args[0]"),
        ({"script_args": [f"\n{URL} "]}, "script_args[0]"),
        ({"firstpass_image": URL}, "firstpass_image"),
        (
            {"alwayson_scripts": {"x": {"args": [{"effective_region_mask": f"{URL} "}]}}},
            "alwayson_scripts.x.args[0].effective_region_mask",
        ),
        ({"alwayson_scripts": {"x": {"args": [{"hidden_prompt": URL}]}}}, "alwayson_scripts.x.args[0].hidden_prompt"),
        ({"prompt": {"image": URL}}, "prompt.image"),
        ({"prompt": [URL]}, "prompt[0]"),
        ({"styles": [URL]}, "styles[0]"),
        ({"alwayson_scripts": {"x": {"args": [{"model": URL, "name": "a"}]}}}, "alwayson_scripts.x.args[0].model"),
    ],
)
def test_what_the_web_ui_might_fetch_is_a_link(body: dict[str, Any], field: str) -> None:
    (link,) = found(body)
    assert (link.field, link.is_link) == (field, True)
    assert replace_pictures(body, {link.text: "replaced"}, TEXT_FIELDS) != body


def test_a_link_inside_a_text_is_text() -> None:
    assert found({"note": f"see {URL}"}) == []


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5))
def test_what_is_found_is_what_is_replaced_and_nothing_else(body: dict[str, Any]) -> None:
    links = {link.text for link in found(body)}

    assert replace_pictures(body, {link: link for link in links}, TEXT_FIELDS) == body
    assert found(replace_pictures(body, dict.fromkeys(links, "data"), TEXT_FIELDS)) == []
