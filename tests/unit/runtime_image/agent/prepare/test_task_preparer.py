"""Preparation of a task while the Web UI answers, is silent for a moment, or is silent for long."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from contract.routing import Limits
from contract.task import Task
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.engine import Engine, EngineDraft
from runtime_image.agent.core.engine_health import HOLD_SECONDS
from runtime_image.agent.core.errors import TaskAborted
from runtime_image.agent.prepare.inputs.picture_resolver import PictureResolver
from runtime_image.agent.prepare.task_preparer import TaskPreparer
from runtime_image.process.engine import InputFile, InputReference, ModelReference
from runtime_image.process.engine_http import EngineResponse
from runtime_image.process.logs import EventLog
from runtime_image.process.retry import Retry
from runtime_image.webui.call import WebUiCall
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.engine import WebUiEngine
from runtime_image.webui.errors import WebUiUnreachable
from tests.harness.still_clock import StillClock
from tests.unit.runtime_image.agent.fakes import FakeCall, FakeEngine
from tests.unit.runtime_image.agent.tasks import GENERATION, held_task

LOG = EventLog(logging.getLogger("test"))


class FakeWebUi(WebUiClient):
    """Does not answer the first calls; each needs a second of its clock."""

    def __init__(self, clock: StillClock, silent_calls: int) -> None:
        super().__init__(base_url="http://127.0.0.1")
        self.clock, self.silent_calls = clock, silent_calls

    def call(self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float = 1) -> EngineResponse:
        assert timeout_seconds > 0
        self.clock.seconds += 1
        self.silent_calls -= 1
        if self.silent_calls >= 0:
            raise WebUiUnreachable("no answer")
        return EngineResponse(200, json.dumps([{"name": "Euler"}]).encode())


def preparer(engine: Engine, clock: StillClock) -> TaskPreparer:
    unused: Any = None
    return TaskPreparer(
        engine=engine,
        pictures=PictureResolver(fetch_http=unused, fetch_s3=unused, read=unused),
        model_cache=None,
        model_calls=unused,
        retry=Retry(clock=clock, log=LOG),
        clock=clock,
        log=LOG,
    )


def prepared_sampler(task: ClaimedTask, *, silent_calls: int) -> str | None:
    """Prepare the task; return the sampler that its answer must name."""
    clock = StillClock()
    engine = WebUiEngine(
        client=FakeWebUi(clock, silent_calls), allowed_options=(), limits=Limits(), clock=clock, log=LOG
    )
    preparer(engine, clock).run(task)
    assert isinstance(task.call, WebUiCall)
    return task.call.request.sampler_name


@pytest.fixture
def task() -> ClaimedTask:
    task = held_task()
    task.task_message.task.content["sampler_name"] = "Euler"
    return task


@pytest.mark.parametrize("silent_calls", [1, 20])
def test_a_restart_of_the_web_ui_costs_nothing(task: ClaimedTask, silent_calls: int) -> None:
    assert prepared_sampler(task, silent_calls=silent_calls) == "Euler"


def test_longer_silence_is_the_web_uis_failure(task: ClaimedTask) -> None:
    with pytest.raises(WebUiUnreachable):
        prepared_sampler(task, silent_calls=int(HOLD_SECONDS) + 5)


def test_a_task_that_was_aborted_meanwhile_is_dropped(task: ClaimedTask) -> None:
    task.aborted.set()

    with pytest.raises(TaskAborted):
        prepared_sampler(task, silent_calls=1)


class AbortedDraft:
    """Draft of a task that is aborted while its call is built."""

    path = "task.content"

    def __init__(self, task: ClaimedTask) -> None:
        self._task = task
        self.built = FakeCall(GENERATION, FakeEngine())

    def models(self) -> list[ModelReference]:
        return []

    def check(self, *, timeout_seconds: float) -> None:
        pass

    def inputs(self) -> list[InputReference]:
        return []

    def call(self, inputs: Mapping[str, InputFile]) -> FakeCall:
        self._task.aborted.set()
        return self.built


@dataclass
class DraftingEngine(FakeEngine):
    """Engine with one draft."""

    only_draft: AbortedDraft | None = None

    def draft(self, task: Task, *, checkpoint: str | None) -> EngineDraft:
        assert self.only_draft
        return self.only_draft


def test_the_files_of_a_task_that_is_aborted_while_they_are_written_are_deleted(task: ClaimedTask) -> None:
    draft = AbortedDraft(task)

    with pytest.raises(TaskAborted):
        preparer(DraftingEngine(only_draft=draft), StillClock()).run(task)

    assert draft.built.is_closed


def test_a_task_past_its_time_limit_still_asks_for_a_moment(task: ClaimedTask) -> None:
    task.claimed_at = -1e6

    assert prepared_sampler(task, silent_calls=0) == "Euler"
