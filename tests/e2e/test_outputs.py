"""Pictures in the form and at the place that a task asks for, through the real gateway."""

import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.harness.local_system import LINK_BUCKET, SLOW, System

# One local system serves all end-to-end tests, so they run in one process.
pytestmark = [pytest.mark.xdist_group("local_system"), pytest.mark.slow]


def small(task_id: str, **output: Any) -> dict[str, Any]:
    metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image", "output": output}
    return {"task": {"metadata": metadata, "content": {"prompt": "A dog", "steps": 2, "width": 512, "height": 320}}}


def test_a_picture_with_its_format_thumbnail_and_copy(system: System) -> None:
    destination = f"s3://{LINK_BUCKET}/copies/dogs"
    body = small("output-webp", format="webp", quality=70, metadata=False, destination=destination)
    response = system.http("POST", "/v1alpha2", json=body)
    assert response.status_code == 200, response.text

    callback = system.callback(id="output-webp")

    (picture,) = callback["image_url"]
    assert picture.endswith("-1.webp")
    copy = f"{destination}/{picture.rpartition('/')[2]}"
    assert callback["deliveries"] == [{"url": copy, "error": None}]
    assert system.object(copy) == system.object(picture)
    with Image.open(io.BytesIO(system.object(picture))) as opened:
        assert (opened.format, opened.size, dict(opened.getexif())) == ("WEBP", (512, 320), {})
    shown = system.shown("output-webp")
    assert shown["deliveries"] == callback["deliveries"]
    assert shown["queue_position"] is None
    answer = httpx.get(shown["outputs"][0]["thumbnail"], timeout=60)
    assert answer.headers["content-type"] == "image/webp"
    with Image.open(io.BytesIO(answer.content)) as thumbnail:
        assert thumbnail.size == (256, 160)
    assert json.loads(system.object(callback["output_url"]))["parameters"]["prompt"] == "A dog"


def test_a_link_that_accepts_pictures(system: System) -> None:
    link = system.receiver.url("/pictures/1.jpg?signature=secret")
    response = system.http("POST", "/v1alpha2", json=small("output-link", format="jpeg", put_links=[link]))
    assert response.status_code == 200, response.text

    callback = system.callback(id="output-link")

    assert callback["deliveries"] == [{"url": link.partition("?")[0], "error": None}]
    (received,) = system.receiver.of("/pictures/1.jpg?signature=secret")
    assert received.headers["content-type"] == "image/jpeg"
    assert received.body == system.object(callback["image_url"][0])


def test_a_destination_that_the_environment_does_not_name(system: System) -> None:
    body = small("output-elsewhere", destination=f"s3://{LINK_BUCKET}/elsewhere")
    response = system.http("POST", "/v1alpha2", json=body)

    (detail,) = response.json()["error"]["details"]
    assert response.status_code == 400
    assert detail["field"] == "task.metadata.output.destination"
    assert f"s3://{LINK_BUCKET}/copies" in detail["message"]


def test_a_waiting_task_shows_its_place(system: System) -> None:
    names: list[str] = []

    def has_place_behind_another() -> bool:
        # A replica that made short pictures before holds many tasks, so each look sends one more.
        names.append(f"place-{len(names)}")
        body = small(names[-1])
        body["task"]["content"] = SLOW
        assert system.http("POST", "/v1alpha2", json=body).status_code == 200
        position: int | None = system.shown(names[-1])["queue_position"]
        return position is not None and position > 1

    assert system.eventually(has_place_behind_another, "a place in the queue")
    for name in reversed(names):
        assert system.http("DELETE", f"/v1alpha2/tasks/{name}").status_code == 200
