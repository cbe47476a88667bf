"""What the supervisor asks its Web UI: to get it ready, and to see that it lives while it has nothing to do."""

import json
import logging
import threading
from collections.abc import Callable

import pytest

from runtime_image.process.logs import EventLog
from runtime_image.supervisor import events as on
from runtime_image.supervisor.agent_status import AgentStatus
from runtime_image.supervisor.condition import Condition
from runtime_image.supervisor.idle_watch import IdleWatch
from runtime_image.supervisor.webui_preparation import WebUiPreparation
from runtime_image.webui.client import Answer, WebUiClient
from runtime_image.webui.errors import WebUiUnreachable
from tests.unit.runtime_image.agent.tasks import StillClock
from tests.unit.runtime_image.supervisor.fakes import FakeChild

LIMIT_SECONDS = 60.0
PATIENCE_SECONDS = 1000.0
PROGRESS = {"progress": 0, "state": {"interrupted": False, "job": "", "job_count": 0}}


class FakeClient(WebUiClient):
    """Answers every call; `before` is run first and may raise."""

    def __init__(self, before: Callable[[str], None] = lambda _: None) -> None:
        self.paths: list[str] = []
        self._before = before

    def call(self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float = 10.0) -> Answer:
        self.paths.append(path.partition("?")[0])
        self._before(path)
        if path.startswith("/sdapi/v1/sd-models"):
            return Answer(200, b'[{"title": "a.safetensors", "model_name": "a", "filename": "/models/a.safetensors"}]')
        return Answer(200, json.dumps({**PROGRESS, "sd_model_checkpoint": "a.safetensors"}).encode())


def fails(_: str) -> None:
    raise WebUiUnreachable("it hangs")


class EndingClock(StillClock):
    """Ends a process after so many seconds."""

    def __init__(self, child: FakeChild) -> None:
        super().__init__()
        self.ends_at = self.seconds + PATIENCE_SECONDS
        self._child = child

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._child.is_alive = self.seconds < self.ends_at


def watch(client: WebUiClient, *, held: int | None) -> tuple[on.Event | None, float]:
    """Watch until the Web UI hangs or has ended; return what came of it, and after how many seconds."""
    child, condition = FakeChild("webui"), Condition(seen_at=0)
    condition.agent_status = None if held is None else AgentStatus(held=held)
    clock = EndingClock(child)
    started_at = clock.seconds
    event = IdleWatch(client=client, condition=condition, limit_seconds=LIMIT_SECONDS, clock=clock).run(child)
    return event, clock.seconds - started_at


@pytest.mark.parametrize("held", [0, None])
def test_an_idle_web_ui_that_does_not_answer_hangs(held: int | None) -> None:
    event, seconds = watch(FakeClient(fails), held=held)
    assert isinstance(event, on.WebUiHangs)
    assert LIMIT_SECONDS <= seconds <= 2 * LIMIT_SECONDS


def test_one_that_answers_or_works_does_not_hang() -> None:
    answering, working = FakeClient(), FakeClient(fails)
    assert watch(answering, held=0)[0] is None
    assert watch(working, held=1)[0] is None
    assert answering.paths
    assert not working.paths


def test_answers_between_begin_the_limit_anew() -> None:
    calls: list[str] = []

    def every_third_answers(path: str) -> None:
        calls.append(path)
        if len(calls) % 3:
            fails(path)

    assert watch(FakeClient(every_third_answers), held=0)[0] is None


@pytest.mark.parametrize(
    ("checkpoint", "warm_up", "generates"),
    [("a.safetensors", True, True), ("a.safetensors", False, False), ("", True, False)],
)
def test_only_a_web_ui_with_a_checkpoint_of_its_own_is_warmed_up(
    checkpoint: str, warm_up: bool, generates: bool
) -> None:
    client, on_disk, child = FakeClient(), threading.Event(), FakeChild("webui")
    on_disk.set()
    preparation = WebUiPreparation(
        client=client,
        models_on_disk=on_disk,
        fetches_models=False,
        model_filename=checkpoint,
        warm_up=warm_up,
        clock=StillClock(),
        log=EventLog(logging.getLogger("test")),
    )
    assert preparation.run(child) == on.WebUiReady(child)
    assert ("/sdapi/v1/txt2img" in client.paths) == generates
