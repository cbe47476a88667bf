"""Arguments of a submission that cannot be sent: each is named by its place, and nothing of it is sent."""

from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from PIL import Image

import darkroom
from tests.unit.darkroom.fake_transport import answer, task
from tests.unit.darkroom.test_client import ACCEPTED, client

OUTPUT = darkroom.OutputFile("s3://b/a/a-1.png", "https://s3/a-1.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"context": {"at": [datetime.now(UTC)]}},
            r"`task\.metadata\.context\.at\[0\]` is of type datetime",
        ),
        (
            {"cfg_scale": float("nan")},
            r"`task\.content\.cfg_scale` is nan, which JSON cannot hold; give text",
        ),
        ({"init_images": [bytearray(b"a")]}, r"`task\.content\.init_images\[0\]` is of type bytearray"),
        ({"init_images": [Image.new("CMYK", (1, 1))]}, r"content\.init_images\[0\] cannot be written as PNG .* bytes$"),
        ({"mask": darkroom.FetchedPicture(OUTPUT, b"")}, r"content\.mask cannot be written as PNG .* give its bytes$"),
        ({"content": None}, "`content` is of type NoneType; give a dictionary"),
        ({"metadata": "a"}, "`metadata` is of type str; give a dictionary"),
    ],
)
def test_an_argument_is_named(arguments: dict[str, Any], message: str) -> None:
    api, transport, _ = client(ACCEPTED)
    with pytest.raises(darkroom.UnusableInput, match=message):
        api.submit("A dog", **arguments)
    assert not transport.calls


def test_a_workflow_is_no_file() -> None:
    api, transport, _ = client(ACCEPTED)
    path: Any = Path("workflow.json")
    with pytest.raises(darkroom.UnusableInput, match=r"`workflow` is of type PosixPath; .* by json\.loads of a file"):
        api.submit(workflow=path, runtime="flows")
    assert not transport.calls


def test_a_task_of_a_batch_is_named_by_its_number() -> None:
    api, transport, _ = client(ACCEPTED)
    with pytest.raises(darkroom.UnusableInput, match=r"`task 2\.task\.content\.seed` is of type set"):
        api.submit_batch([{}, {"task": {"content": {"seed": {7}}}}])
    assert not transport.calls


def test_every_kind_of_mapping_is_sent() -> None:
    api, transport, _ = client(ACCEPTED)
    api.submit_request({"task": MappingProxyType({"content": {"seed": 7, "args": (1.5, None, True)}})})
    assert transport.calls[0].body == b'{"task": {"content": {"seed": 7, "args": [1.5, null, true]}}}'


@pytest.mark.parametrize(("method", "kind"), [("get", "task"), ("cancel", "task"), ("get_batch", "batch")])
def test_an_empty_id_is_not_the_path_of_the_list(method: str, kind: str) -> None:
    api, transport, _ = client(ACCEPTED)
    with pytest.raises(darkroom.UnusableInput, match=f"the id of the {kind} is empty"):
        getattr(api, method)("")
    assert not transport.calls


def test_text_that_is_no_unicode_reaches_the_api_as_its_escape() -> None:
    api, transport, _ = client(answer(task("FAILED")), answer({"tasks": [], "next": None}))
    api.get("a\udcff")
    api.page(text="\udcff")
    assert [call.url.rpartition("/")[2] for call in transport.calls] == ["a%5Cudcff", "tasks?text=%5Cudcff"]
