"""Links in a task's content, and fields that are text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_image.agent.prepare.inputs.link_finder import Link, find_links, replace_links
from runtime_image.webui.request import INPUT_FIELDS

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

    assert find_links(body, "task.content", INPUT_FIELDS) == [
        Link("task.content.init_images[0]", URL),
        Link("task.content.mask", "s3://bucket/mask.png"),
        Link("task.content.alwayson_scripts.ControlNet.args[0].image", "HTTP://example.com/b.png"),
        Link("task.content.script_args[2]", URL),
    ]


@pytest.mark.parametrize("field", [*sorted(INPUT_FIELDS.text), "prompt", "negative_prompt", "hr_prompt", "ad_prompt"])
def test_text_stays_text(field: str) -> None:
    body = {field: URL, "styles": [URL], "alwayson_scripts": {"x": {"args": [{field: [URL]}]}}}

    assert find_links(body, "task.content", INPUT_FIELDS) == []
    assert replace_links(body, lambda _: "replaced", INPUT_FIELDS) == body


def test_text_around_a_link_is_no_link_except_where_a_picture_belongs() -> None:
    assert find_links({"note": f"{URL} is nice", "other": f" {URL}"}, "x", INPUT_FIELDS) == []
    # The Web UI would fetch this one itself.
    assert find_links({"init_images": [f"{URL} x"]}, "x", INPUT_FIELDS) == [Link("x.init_images[0]", f"{URL} x")]


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5))
def test_what_is_found_is_what_is_replaced_and_nothing_else(body: dict[str, Any]) -> None:
    links = find_links(body, "task.content", INPUT_FIELDS)
    seen: list[str] = []

    replaced = replace_links(body, lambda url: seen.append(url) or url, INPUT_FIELDS)  # type: ignore[func-returns-value] # only noted

    assert seen == [link.url for link in links]
    assert replaced == body
    assert find_links(replace_links(body, lambda _: "data", INPUT_FIELDS), "x", INPUT_FIELDS) == []


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
