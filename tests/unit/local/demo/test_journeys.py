"""Demo on a machine where something does not go on: what was made stays, and the message names the rest."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from darkroom import Client, DeadlinePassed
from darkroom.http_exchange import HttpCall, HttpReply
from local.demo.documented_requests import FORMATS, documented_request, documented_workflow
from local.demo.image_size import FIRST
from local.demo.journeys import CONTACT_SHEET, Demo, Journey, documented_journeys
from local.demo.local_system import DemoFailed
from local.demo.output import console
from local.demo.pictures import ShownImage, input_picture
from tests.unit.darkroom.fake_transport import answer, refusal, task

PICTURE = "http://s3/picture"
RUNNING = task("IN_PROGRESS", "second-image")
FAILED = task("FAILED", "second-image", error={"code": "webui_refused", "message": "no"})


def completed(task_id: str) -> dict[str, Any]:
    outputs = [{"s3_url": f"s3://out/{task_id}-1.png", "url": PICTURE}]
    return task("COMPLETED", task_id, outputs=outputs, execution_ms=10)


class BusyTransport:
    """Completes the first image, gives the second a fixed state, and does not answer the first call of each kind."""

    def __init__(self, second: dict[str, Any], callbacks: Path) -> None:
        self._second = second
        self._callbacks = callbacks
        self._failed: set[str] = set()

    def send(self, call: HttpCall) -> HttpReply:
        kind = call.url.rpartition("/")[0]
        if kind not in self._failed:
            self._failed.add(kind)
            return refusal(504, "timeout", retry_after="0")
        if call.url == PICTURE:
            return HttpReply(200, {}, input_picture())
        if call.method == "GET":
            task_id = call.url.rpartition("/")[2]
            return answer(completed(task_id) if task_id == "first-image" else self._second)
        task_id = json.loads(call.body or b"")["task"]["metadata"]["id"]
        with self._callbacks.open("a") as file:
            file.write(
                json.dumps({"id": task_id, "note": "long enough for more than one line of a terminal" * 3}) + "\n"
            )
        return answer({"id_task": task_id, "output_location": "s3://out"})


@pytest.mark.parametrize(
    ("second", "error", "message"),
    [
        (RUNNING, DeadlinePassed, "no progress for 1 s: second-image"),
        (FAILED, DemoFailed, "second-image: .*webui_refused"),
    ],
)
def test_what_was_made_stays(second: dict[str, Any], error: type[Exception], message: str, tmp_path: Path) -> None:
    callbacks = tmp_path / "callbacks.jsonl"
    transport = BusyTransport(second, callbacks)
    client = Client("http://api", "key", transport=transport)
    demo = Demo(client=client, publish=lambda _: "message", callbacks=callbacks, out=tmp_path, stall_seconds=1)
    with console.capture() as captured, pytest.raises(error, match=message):
        demo.run(http_link="http://x", s3_link="s3://x", size=FIRST)
    assert demo.saved == 1
    assert (tmp_path / "first-image-1.png").exists()
    with Image.open(tmp_path / CONTACT_SHEET) as sheet:
        assert sheet.width > 256
    lines = captured.get().splitlines()
    (callback,) = [line for line in lines if line.startswith("callback ") and "first-image" in line]
    assert json.loads(callback.removeprefix("callback "))["id"] == "first-image"


@pytest.mark.parametrize("format_", FORMATS)
def test_an_image_is_shown_with_its_prompt(format_: str) -> None:
    request = documented_request("image-to-image", format_)
    prompt = Journey("a", request, "topic", "by topic").prompt
    caption = ShownImage(Path("a.png"), prompt=prompt, description="by topic").caption
    assert caption == ["cat wizard, gandalf, lord of the rings,", "detailed, fantasy, cute, adorable, …", "by topic"]


def test_the_documented_workflow_goes_as_it_is_printed() -> None:
    journeys = list(documented_journeys(http_link="http://x", s3_link="s3://x", size=FIRST))
    workflows = [journey for journey in journeys if "workflow" in journey.description]
    assert [journey.way_in for journey in workflows] == ["topic", "http"]
    assert workflows[0].request == documented_workflow()
    assert workflows[0].prompt.startswith("beautiful scenery nature glass bottle landscape")
