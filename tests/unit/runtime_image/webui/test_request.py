"""Requests made of tasks."""

import json

import pytest

from contract.errors import DarkroomError, InvalidTask
from contract.task import TaskType
from runtime_image.webui.request import build_request, content_of

SAVING = {"save_images": False, "do_not_save_samples": True, "do_not_save_grid": True}


def test_no_task_has_the_web_ui_save_files() -> None:
    content = {"save_images": True, "do_not_save_samples": False, "do_not_save_grid": False}
    request = build_request(TaskType.TEXT_TO_IMAGE, content, content)
    assert json.loads(request.body or b"") == SAVING


@pytest.mark.parametrize(
    ("tasktype", "path", "takes_lock", "generates", "needs_pictures"),
    [
        ("text-to-image", "/sdapi/v1/txt2img", True, True, True),
        ("image-to-image", "/sdapi/v1/img2img", True, True, True),
        ("extra-single-image", "/sdapi/v1/extra-single-image", True, False, True),
        ("extra-batch-images", "/sdapi/v1/extra-batch-images", True, False, True),
        ("interrogate", "/sdapi/v1/interrogate", True, False, False),
        ("png-info", "/sdapi/v1/png-info", False, False, False),
    ],
)
def test_each_tasktype_is_one_call(
    tasktype: str, path: str, *, takes_lock: bool, generates: bool, needs_pictures: bool
) -> None:
    content = {"prompt": "ä", "unknown": [1]}

    request = build_request(TaskType(tasktype), content, content)

    assert (request.method, request.path) == ("POST", path)
    assert json.loads(request.body or b"") == content | (SAVING if generates else {})
    assert (request.takes_lock, request.generates, request.needs_pictures) == (takes_lock, generates, needs_pictures)
    assert not request.is_exclusive


@pytest.mark.parametrize(
    ("method", "endpoint", "exclusive"),
    [("POST", "/sdapi/v1/options", True), ("GET", "sdapi/v1/options", False), ("POST", "sdapi/v1/png-info", False)],
)
def test_a_call_by_name(method: str, endpoint: str, *, exclusive: bool) -> None:
    content = {"api": {"method": method, "endpoint": endpoint}, "payload": {"a": 1}}
    body, path = content_of(TaskType.WEBUI_API, content)

    request = build_request(TaskType.WEBUI_API, content, body)

    assert path == "task.content.payload"
    assert (request.method, request.path, request.is_exclusive) == (method, f"/{endpoint.lstrip('/')}", exclusive)
    assert request.body == (b'{"a":1}' if method == "POST" else None)


@pytest.mark.parametrize(
    ("tasktype", "content", "error"),
    [
        ("webui-api", {}, InvalidTask),
        ("webui-api", {"api": {"method": "GET", "endpoint": "/sdapi/v1/server-kill"}}, InvalidTask),
    ],
)
def test_what_cannot_be_carried_out_fails_for_good(
    tasktype: str, content: dict[str, object], error: type[DarkroomError]
) -> None:
    with pytest.raises(error) as raised:
        build_request(TaskType(tasktype), content, {})
    assert not raised.value.retryable
