"""Pictures in requests: those that cannot be used fail their task at once, with the field, and cost no attempt more."""

import base64
import io
from typing import Any

import pytest
from PIL import Image

from tests.harness.local_system import System

# One local system serves all end-to-end tests, so they run in one process.
pytestmark = [pytest.mark.xdist_group("local_system")]


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    Image.radial_gradient("L").resize((48, 32)).save(file, kind)
    return file.getvalue()


def enlarging(task_id: str, picture: str) -> dict[str, Any]:
    metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "extra-single-image"}
    return {"task": {"metadata": metadata, "content": {"image": picture, "upscaling_resize": 2}}}


def test_base64_with_line_breaks_is_a_picture(system: System) -> None:
    broken = base64.encodebytes(encoded("PNG")).decode()
    assert system.http("POST", "/v1alpha2", json=enlarging("broken-lines", f"data:;base64,{broken}")).status_code == 200
    callback = system.callback(id="broken-lines")
    assert callback["status"] == "completed"
    with Image.open(io.BytesIO(system.object(callback["image_url"][0]))) as made:
        assert made.size == (96, 64)


def test_a_picture_that_is_cut_off_fails_its_task_at_once(system: System) -> None:
    data = encoded("JPEG")
    system.publish(enlarging("cut-off", base64.b64encode(data[: len(data) // 2]).decode()))
    callback = system.callback(id="cut-off")
    assert (callback["status"], callback["error"]["code"]) == ("failed", "invalid_task")
    assert callback["error"]["details"] == [
        {"field": "task.content.image", "message": "cannot be used: it is cut off or damaged (OSError)"}
    ]
    assert system.shown("cut-off")["attempts"] == 1
