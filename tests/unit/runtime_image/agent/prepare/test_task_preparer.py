"""Preparation of a task while the Web UI answers, is silent for a moment, or is silent for long."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from contract.routing import Limits
from contract.storage import CHECKPOINT_FOLDER
from contract.task import Task
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.engine import Engine, EngineDraft
from runtime_image.agent.core.engine_health import HOLD_SECONDS
from runtime_image.agent.core.errors import StorageFailed, TaskAborted
from runtime_image.agent.prepare.inputs.picture_resolver import PictureResolver
from runtime_image.agent.prepare.model_cache import ModelCache
from runtime_image.agent.prepare.task_preparer import TaskPreparer
from runtime_image.model_downloader.errors import BucketUnreachable, DownloadFailed
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
PICTURE = "s3://pictures/cat.png"


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


def preparer(
    engine: Engine,
    clock: StillClock,
    *,
    fetch_s3: Any = None,
    model_cache: ModelCache | None = None,
    model_calls: Any = None,
) -> TaskPreparer:
    unused: Any = None
    return TaskPreparer(
        engine=engine,
        pictures=PictureResolver(fetch_http=unused, fetch_s3=fetch_s3, read=InputFile),
        model_cache=model_cache,
        model_calls=model_calls,
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


class FakeDraft:
    """Draft of a call with a checkpoint and a picture in S3."""

    path = "task.content"

    def __init__(self) -> None:
        self.built = FakeCall(GENERATION, FakeEngine())
        self.files: Mapping[str, InputFile] = {}

    def models(self) -> Iterator[ModelReference]:
        yield ModelReference(CHECKPOINT_FOLDER, "a.safetensors", is_required=True)

    def check(self, *, timeout_seconds: float) -> None:
        pass

    def inputs(self) -> list[InputReference]:
        return [InputReference("init_images[0]", PICTURE)]

    def call(self, inputs: Mapping[str, InputFile]) -> FakeCall:
        self.files = inputs
        return self.built


class AbortedDraft(FakeDraft):
    """Draft of a task that is aborted while its call is built."""

    def __init__(self, task: ClaimedTask) -> None:
        super().__init__()
        self._task = task

    def inputs(self) -> list[InputReference]:
        return []

    def call(self, inputs: Mapping[str, InputFile]) -> FakeCall:
        self._task.aborted.set()
        return super().call(inputs)


class Outage:
    """S3 that cannot be reached for some seconds. Each call without an answer takes twenty of them."""

    def __init__(self, clock: StillClock, seconds: float, error: Exception) -> None:
        self._clock, self._error = clock, error
        self._ends_at = clock.monotonic() + seconds

    def fetch(self, *_: object) -> bytes:
        if self._clock.monotonic() < self._ends_at:
            self._clock.seconds += 20
            raise self._error
        return b"picture"


class FakeModelCache(ModelCache):
    """Brings models from an S3 in trouble."""

    def __init__(self, outage: Outage) -> None:
        self._outage = outage
        self.fetched: list[str] = []

    def fetch(self, task: ClaimedTask, models: Iterable[ModelReference]) -> None:
        names = [model.name for model in models]
        self._outage.fetch()
        self.fetched += names


@dataclass
class DraftingEngine(FakeEngine):
    """Engine with one draft."""

    only_draft: FakeDraft | None = None

    def draft(self, task: Task, *, checkpoint: str | None) -> EngineDraft:
        assert self.only_draft
        return self.only_draft


def test_the_files_of_a_task_that_is_aborted_while_they_are_written_are_deleted(task: ClaimedTask) -> None:
    draft = AbortedDraft(task)

    with pytest.raises(TaskAborted):
        preparer(DraftingEngine(only_draft=draft), StillClock()).run(task)

    assert draft.built.is_closed


#: More than S3 would be asked for one picture in one attempt, and less than half of a task's default time limit.
OUTAGE_SECONDS = 240


def test_a_picture_waits_for_an_s3_that_cannot_be_reached(task: ClaimedTask) -> None:
    draft, clock = FakeDraft(), StillClock()
    outage = Outage(clock, OUTAGE_SECONDS, StorageFailed("no answer"))

    preparer(DraftingEngine(only_draft=draft), clock, fetch_s3=outage.fetch).run(task)

    assert draft.files == {"init_images[0]": InputFile(b"picture")}


def test_a_model_waits_for_an_s3_that_cannot_be_reached(task: ClaimedTask) -> None:
    clock = StillClock()
    cache = FakeModelCache(Outage(clock, OUTAGE_SECONDS, BucketUnreachable("no answer")))
    s3 = Outage(clock, 0, StorageFailed("no answer"))

    preparer(DraftingEngine(only_draft=FakeDraft()), clock, fetch_s3=s3.fetch, model_cache=cache).run(task)

    assert cache.fetched == ["a.safetensors"]


def test_a_call_that_brings_a_model_waits_for_the_list_of_the_bucket() -> None:
    clock, task = StillClock(), held_task(tasktype="webui-api")
    task.task_message.task.content.update(api={"method": "POST", "endpoint": "v1/download"}, payload={})
    outage = Outage(clock, OUTAGE_SECONDS, BucketUnreachable("no answer"))

    preparer(FakeEngine(), clock, model_calls=SimpleNamespace(run=outage.fetch)).run(task)

    assert (task.answer, task.is_carried_out) == (b"picture", True)


def test_a_task_goes_back_before_the_outage_uses_up_its_time_limit(task: ClaimedTask) -> None:
    clock = StillClock()
    outage = Outage(clock, 10_000, StorageFailed("no answer"))

    with pytest.raises(StorageFailed):
        preparer(DraftingEngine(only_draft=FakeDraft()), clock, fetch_s3=outage.fetch).run(task)

    assert clock.monotonic() < task.deadline


def test_a_model_that_s3_refuses_is_not_awaited(task: ClaimedTask) -> None:
    clock = StillClock()
    cache = FakeModelCache(Outage(clock, OUTAGE_SECONDS, DownloadFailed("AccessDenied")))

    with pytest.raises(DownloadFailed):
        preparer(DraftingEngine(only_draft=FakeDraft()), clock, model_cache=cache).run(task)

    assert clock.monotonic() == StillClock().monotonic() + 20


def test_a_task_that_is_aborted_during_an_outage_waits_no_longer(task: ClaimedTask) -> None:
    clock = StillClock()
    outage = Outage(clock, OUTAGE_SECONDS, StorageFailed("no answer"))

    def fetch(*_: object) -> bytes:
        task.aborted.set()
        return outage.fetch()

    with pytest.raises(StorageFailed):
        preparer(DraftingEngine(only_draft=FakeDraft()), clock, fetch_s3=fetch).run(task)


def test_a_task_past_its_time_limit_still_asks_for_a_moment(task: ClaimedTask) -> None:
    task.claimed_at = -1e6

    assert prepared_sampler(task, silent_calls=0) == "Euler"
