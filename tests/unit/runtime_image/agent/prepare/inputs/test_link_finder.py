"""Links in a task's content, and fields that are text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_image.agent.prepare.inputs.link_finder import Link, find_links, replace_links
from runtime_image.webui.request import TEXT_FIELDS

URL = "https://example.com/a.png"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([URL, "s3://bucket/key", f"see {URL}"]),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=20,
)


def test_links_are_found_wherever_they_stand() -> None:
    body = {
        "init_images": [URL, "iVBORw0KGgo="],
        "mask": "s3://bucket/mask.png",
        "alwayson_scripts": {"ControlNet": {"args": [{"image": "HTTP://example.com/b.png", "module": "canny"}]}},
        "script_args": ["", 8, URL],
    }

    assert find_links(body, "task.content", TEXT_FIELDS) == [
        Link("task.content.init_images[0]", URL),
        Link("task.content.mask", "s3://bucket/mask.png"),
        Link("task.content.alwayson_scripts.ControlNet.args[0].image", "HTTP://example.com/b.png"),
        Link("task.content.script_args[2]", URL),
    ]


@pytest.mark.parametrize("field", sorted(TEXT_FIELDS))
def test_text_stays_text(field: str) -> None:
    body = {field: URL, "alwayson_scripts": {"x": {"args": [{field: URL}]}}}

    assert find_links(body, "task.content", TEXT_FIELDS) == []
    assert replace_links(body, lambda _: "replaced", TEXT_FIELDS) == body


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
    (link,) = find_links(body, "x", TEXT_FIELDS)
    assert link.field == f"x.{field}"
    assert replace_links(body, lambda _: "replaced", TEXT_FIELDS) != body


def test_a_link_inside_a_text_is_text() -> None:
    assert find_links({"note": f"see {URL}"}, "x", TEXT_FIELDS) == []


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5))
def test_what_is_found_is_what_is_replaced_and_nothing_else(body: dict[str, Any]) -> None:
    links = find_links(body, "task.content", TEXT_FIELDS)
    seen: list[str] = []

    replaced = replace_links(body, lambda url: seen.append(url) or url, TEXT_FIELDS)  # type: ignore[func-returns-value] # only noted

    assert seen == [link.url for link in links]
    assert replaced == body
    assert find_links(replace_links(body, lambda _: "data", TEXT_FIELDS), "x", TEXT_FIELDS) == []


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
    assert Link("mask", url).shown == shown
