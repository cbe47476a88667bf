"""Trials of unclear failures: the same failure at a sound Web UI is the request's own."""

import json
import logging
from typing import Any

import pytest

from contract.routing import Limits
from contract.task import Metadata, Task
from runtime_image.process.engine_http import EngineResponse
from runtime_image.process.logs import EventLog
from runtime_image.webui.call import WebUiCall
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.engine import WebUiEngine
from runtime_image.webui.errors import WebUiBroken, WebUiRefused, WebUiUnclear
from tests.harness.still_clock import StillClock

GENERATION: dict[str, Any] = {"prompt": "a cat", "steps": 1}


class FakeWebUi(WebUiClient):
    """Fails the task's own request with each of these exceptions, and the checks of its health if it is broken."""

    def __init__(self, *exceptions: tuple[str, str], is_broken: bool = False) -> None:
        super().__init__(base_url="http://webui")
        self.exceptions = list(exceptions)
        self.is_broken = is_broken
        self.paths: list[str] = []

    def call(self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float = 1) -> EngineResponse:
        self.paths.append(path.removeprefix("/sdapi/v1/"))
        fields = json.loads(body or b"{}")
        is_the_tasks = fields.get("prompt") == "a cat" or "model" in fields
        if (is_the_tasks and self.exceptions) or (not is_the_tasks and self.is_broken):
            name, words = self.exceptions.pop(0) if is_the_tasks else ("TypeError", "broken")
            refused = {"error": name, "detail": "", "body": "", "errors": words}
            return EngineResponse(500, json.dumps(refused).encode())
        return EngineResponse(200, b'{"images": ["x"]}')


def call_of(client: WebUiClient, tasktype: str = "text-to-image", content: dict[str, Any] | None = None) -> WebUiCall:
    engine = WebUiEngine(
        client=client, allowed_options=(), limits=Limits(), clock=StillClock(), log=EventLog(logging.getLogger("trial"))
    )
    metadata = Metadata.model_validate({"id": "cat", "runtime": "sdruntime", "tasktype": tasktype})
    draft = engine.draft(Task(metadata=metadata, content=content or GENERATION), checkpoint=None)
    return draft.call({})


def trial_of(call: WebUiCall) -> WebUiCall:
    """Run a call that fails in an unclear way; return its trial."""
    with pytest.raises(WebUiUnclear) as failure:
        call.run(timeout_seconds=1)
    trial = call.on_trial(failure.value)
    assert trial is not None
    assert trial.is_exclusive
    assert trial.on_trial(failure.value) is None
    return trial


def test_the_same_failure_of_a_sound_web_ui_is_the_requests() -> None:
    webui = FakeWebUi(("IndexError", "list index 7 out of range"), ("IndexError", "list index 8 out of range"))

    with pytest.raises(WebUiRefused, match="IndexError: list index 8 out of range") as refused:
        trial_of(call_of(webui)).run(timeout_seconds=1)

    assert refused.value.answer is not None
    assert webui.paths == ["txt2img"] * 3


def test_another_failure_stays_unclear() -> None:
    webui = FakeWebUi(("RuntimeError", "sizes differ"), ("RuntimeError", "cuDNN status"))

    with pytest.raises(WebUiUnclear):
        trial_of(call_of(webui)).run(timeout_seconds=1)


def test_a_failure_that_does_not_come_again_is_none() -> None:
    webui = FakeWebUi(("RuntimeError", "once"))

    assert trial_of(call_of(webui)).run(timeout_seconds=1) == {"images": ["x"]}


def test_a_web_ui_that_fails_every_request_is_broken() -> None:
    webui = FakeWebUi(("TypeError", "broken"), is_broken=True)

    with pytest.raises(WebUiBroken, match="TypeError: broken"):
        trial_of(call_of(webui)).run(timeout_seconds=1)

    assert webui.exceptions == []
    assert webui.paths == ["txt2img"] * 2


def test_a_call_without_a_model_is_tried_without_one() -> None:
    webui = FakeWebUi(("IndexError", "list index out of range"), ("IndexError", "list index out of range"))
    call = call_of(webui, "interrogate", {"image": "x", "model": "deepdanbooru"})

    with pytest.raises(WebUiRefused):
        trial_of(call).run(timeout_seconds=1)

    assert webui.paths == ["interrogate", "extra-single-image", "interrogate"]
