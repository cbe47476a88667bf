"""Preparing a task while the Web UI is there, away for a moment, or away for long."""

import json
import logging

import pytest

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.errors import TaskAborted
from runtime_image.agent.core.events import TaskPrepared
from runtime_image.agent.prepare.inputs.link_resolver import LinkResolver, LinkTools
from runtime_image.agent.prepare.task_preparer import PATIENCE_SECONDS, TaskPreparer
from runtime_image.process.logs import EventLog
from runtime_image.webui.client import Answer, WebUiClient
from runtime_image.webui.errors import WebUiUnreachable
from runtime_image.webui.names.catalog import NameCatalog
from runtime_image.webui.names.validation import NameValidation
from runtime_image.webui.options import OptionOverrides
from runtime_image.webui.request_check import RequestCheck
from tests.unit.runtime_image.agent.fakes import FakeCheckpoints, NoModelTools
from tests.unit.runtime_image.agent.tasks import StillClock, held_task


class FakeWebUi(WebUiClient):
    """Does not answer the first calls; each takes a second of its clock."""

    def __init__(self, clock: StillClock, silent_calls: int) -> None:
        self.clock, self.silent_calls = clock, silent_calls

    def call(self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float = 1) -> Answer:
        assert timeout_seconds > 0
        self.clock.seconds += 1
        self.silent_calls -= 1
        if self.silent_calls >= 0:
            raise WebUiUnreachable("no answer")
        return Answer(200, json.dumps([{"name": "Euler"}]).encode())


def no_tools() -> LinkTools:
    raise AssertionError("there is no link")


def prepare(task: ClaimedTask, *, silent_calls: int) -> TaskPrepared:
    clock = StillClock()
    webui = FakeWebUi(clock, silent_calls)
    check = RequestCheck(
        names=NameValidation(known=NameCatalog(client=webui)), options=OptionOverrides(client=webui), allowed_options=()
    )
    preparation = TaskPreparer(
        links=LinkResolver(load_tools=no_tools),
        models=NoModelTools(),
        check=check,
        checkpoints=FakeCheckpoints(),
        clock=clock,
        log=EventLog(logging.getLogger("test")),
    )
    event = preparation.prepare(task)
    assert isinstance(event, TaskPrepared)
    return event


@pytest.fixture
def task() -> ClaimedTask:
    task = held_task()
    task.task_message.task.content["sampler_name"] = "Euler"
    return task


def test_a_moments_silence_costs_nothing(task: ClaimedTask) -> None:
    assert prepare(task, silent_calls=1).request.sampler_name == "Euler"


def test_longer_silence_is_the_web_uis_failure(task: ClaimedTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task.aborted, "wait", lambda _seconds: False)

    with pytest.raises(WebUiUnreachable):
        prepare(task, silent_calls=int(PATIENCE_SECONDS) + 5)


def test_a_task_that_was_handed_back_meanwhile_is_let_go(task: ClaimedTask) -> None:
    task.aborted.set()

    with pytest.raises(TaskAborted):
        prepare(task, silent_calls=1)


def test_a_task_whose_time_is_over_still_asks_for_a_moment(task: ClaimedTask) -> None:
    task.claimed_at = -1e6

    assert prepare(task, silent_calls=0).request.sampler_name == "Euler"
