"""Failures that the SD Web UI answers: a caller's mistake fails its own task, at once."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from contract.record import Status
from runtime_image.process.exit_codes import ExitCode
from tests.integration.agent.harness import CHECKPOINT, Harness

#: What the real Web UI answers to requests that it cannot carry out.
REFUSALS = [
    ("RuntimeError", "bad number of images passed; expecting 1 or less, got 2"),
    ("UnboundLocalError", "local variable 'h' referenced before assignment"),
    ("Error", "iterable expected, not NoneType"),
    ("IndexError", "list index out of range"),
    ("AttributeError", "'NoneType' object has no attribute 'convert'"),
    ("FileNotFoundError", "[Errno 2] No such file or directory: 'grid.csv'"),
]
OUT_OF_MEMORY = {"error": "OutOfMemoryError", "detail": "", "body": "", "errors": "CUDA out of memory."}
#: All recorded errors of the Web UI.
RECORDED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "unit/runtime_image/webui/recorded_errors.json").read_text()
)


def answers(harness: Harness, bodies: Mapping[str, dict[str, Any]]) -> None:
    """Answer the generations of these prompts by a 500."""

    def intercept(path: str, request: dict[str, Any]) -> tuple[int, Any] | None:
        body = bodies.get(str(request.get("prompt")))
        return (500, body) if path.endswith("txt2img") and body else None

    harness.webui.intercept = intercept


def exception(name: str, words: str) -> dict[str, Any]:
    return {"error": name, "detail": "", "body": "", "errors": words}


def test_a_callers_mistake_fails_its_task_at_its_first_attempt(harness: Harness) -> None:
    bodies = {f"bad-{number}": exception(*refusal) for number, refusal in enumerate(REFUSALS)}
    answers(harness, bodies)
    agent = harness.start_agent()
    for task_id in bodies:
        harness.submit(task_id)
        harness.submit(f"next-to-{task_id}", {"prompt": "good", "steps": 1})

    for task_id, body in bodies.items():
        record = harness.wait_for(task_id, Status.FAILED)
        assert record.error is not None
        assert (record.error["code"], record.attempts) == ("webui_refused", 1)
        assert body["errors"] in record.error["message"]
        assert record.error["webui"] == {"status": 500, "body": body}
        assert harness.wait_for(f"next-to-{task_id}", Status.COMPLETED).attempts == 1
    assert agent.is_running
    assert not agent.logged("engine_failed")
    harness.wait_until_queue_is_empty()


def test_every_recorded_500_to_a_request_is_the_requests(harness: Harness) -> None:
    """Except for the memory: the same answers are given to requests of a Web UI that is sound otherwise."""
    bodies = {
        name: recorded["body"]
        for name, recorded in RECORDED.items()
        if recorded["status"] == 500 and name.startswith(("txt2img", "img2img")) and not name.endswith("oom")
    }
    answers(harness, bodies)
    agent = harness.start_agent()
    for name in bodies:
        harness.submit(name)

    for name in bodies:
        record = harness.wait_for(name, Status.FAILED)
        assert record.error is not None
        assert (record.error["code"], record.attempts) == ("webui_refused", 1), name
    assert len(bodies) > 10
    assert agent.is_running


def test_a_request_that_needs_too_much_memory_twice_fails_and_stops_no_agent(harness: Harness) -> None:
    answers(harness, {f"huge-{number}": OUT_OF_MEMORY for number in range(3)})
    agent = harness.start_agent()
    for number in range(3):
        harness.submit(f"huge-{number}")
        harness.submit(f"good-{number}", {"prompt": "good", "steps": 1})

    for number in range(3):
        record = harness.wait_for(f"huge-{number}", Status.FAILED)
        assert record.error is not None
        assert (record.error["code"], record.attempts) == ("out_of_memory", 2)
        assert harness.wait_for(f"good-{number}", Status.COMPLETED).attempts == 1
    assert agent.is_running
    assert not agent.logged("engine_failed")


@pytest.mark.parametrize(
    "body",
    [
        b"Internal Server Error",
        exception("RuntimeError", "CUDA error: device-side assert triggered"),
        exception("TypeError", "bad operand type for unary -: 'str'"),
    ],
)
def test_a_web_ui_that_can_make_no_picture_any_more_is_given_up_at_its_first_task(
    harness: Harness, body: bytes | dict[str, Any]
) -> None:
    harness.webui.intercept = lambda path, _body: (500, body) if path.endswith("txt2img") else None
    agent = harness.start_agent()
    harness.submit("unlucky")

    assert agent.exit_code(20) == ExitCode.WEBUI_UNHEALTHY

    assert harness.wait_for_release("unlucky")["code"] == "webui_failed"
    assert harness.read("unlucky").attempts == 1


@pytest.mark.parametrize("spare", [["spare.safetensors"], []])
def test_a_checkpoint_that_the_web_ui_does_not_load_spoils_no_other_task(harness: Harness, spare: list[str]) -> None:
    broken = "broken.safetensors"
    harness.webui.checkpoints += [broken, *spare]

    def goes_back(path: str, request: dict[str, Any]) -> tuple[int, Any] | None:
        """Answer 200 and keep the old checkpoint, as the real one does."""
        return (200, None) if path.endswith("options") and broken in request.get("sd_model_checkpoint", "") else None

    harness.webui.intercept = goes_back
    agent = harness.start_agent()
    harness.submit("before", {"prompt": "before", "steps": 1})
    harness.wait_for("before", Status.COMPLETED)
    harness.submit("broken", checkpoint=broken)
    if not spare:
        assert agent.exit_code(20) == ExitCode.WEBUI_UNHEALTHY
        assert harness.wait_for_release("broken")["code"] == "checkpoint_not_loaded"
        agent = harness.start_agent()

    record = harness.wait_for("broken", Status.FAILED)
    assert record.error is not None
    assert (record.error["code"], record.attempts) == ("checkpoint_not_loaded", 2)
    assert broken in record.error["message"]
    if spare:
        harness.submit("after", {"prompt": "after", "steps": 1})
        assert harness.wait_for("after", Status.COMPLETED).attempts == 1
        assert harness.webui.switches == [*spare, CHECKPOINT]
        assert not agent.logged("engine_failed")
