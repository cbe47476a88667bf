"""Independence of the worker pools: a call that hangs at AWS delays no interrupt and no other task's heartbeat."""

import threading
from collections.abc import Iterator

import pytest

from contract.lease import Lease, ProgressReport
from runtime_image.agent.core import events as on
from runtime_image.agent.core.claimed_task import NO_PROGRESS, ClaimedTask
from runtime_image.agent.core.claimed_tasks import COMPLETE
from runtime_image.agent.core.events import Event
from runtime_image.agent.core.worker_pools import MAX_HELD, MAX_MONITORED, WorkerPools
from runtime_image.agent.generate.generation import Interrupt
from runtime_image.agent.lease.task_monitor import ProgressWrite
from runtime_image.agent.store.previews import Previews
from runtime_image.process.clock import Clock
from runtime_image.process.logs import configure_logs
from tests.unit.runtime_image.agent.fakes import TENANT, FakeRepository
from tests.unit.runtime_image.agent.tasks import held_task

#: Far more than a thread needs to start on a busy machine.
PATIENCE_SECONDS = 30.0


class HangingRepository(FakeRepository):
    """Answers for one task only, until it is released."""

    def __init__(self, release: threading.Event) -> None:
        super().__init__()
        self._release = release

    def report_progress(self, lease: Lease, report: ProgressReport) -> None:
        if lease.task_key != f"{TENANT}:cancelled":
            self._release.wait(PATIENCE_SECONDS)


class HangingCompletion:
    name = COMPLETE
    workers = MAX_HELD

    def __init__(self, release: threading.Event) -> None:
        self._release = release

    def run(self, task: ClaimedTask) -> None:
        self._release.wait(PATIENCE_SECONDS)


class HangingPreviews(Previews):
    def __init__(self, release: threading.Event) -> None:
        self._release = release

    def store(self, task: ClaimedTask, encoded: str) -> str | None:
        self._release.wait(PATIENCE_SECONDS)
        return None


class Harness:
    def __init__(self) -> None:
        self.release = threading.Event()
        self._posted: list[Event] = []
        self._changed = threading.Condition()
        self.pools = WorkerPools(
            stages=[HangingCompletion(self.release)],
            jobs=[
                HangingPreviews(self.release),
                ProgressWrite(repository=HangingRepository(self.release)),
                Interrupt(clock=Clock(), log=configure_logs("CRITICAL")),
            ],
            post=self._post,
        )

    def _post(self, event: Event) -> None:
        with self._changed:
            self._posted.append(event)
            self._changed.notify_all()

    def awaits(self, event: Event) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: event in self._posted, PATIENCE_SECONDS / 2)


@pytest.fixture
def harness() -> Iterator[Harness]:
    harness = Harness()
    yield harness
    harness.release.set()


def test_an_interrupt_waits_for_no_heartbeat_no_completion_and_no_preview(harness: Harness) -> None:
    task = held_task()
    for number in range(MAX_HELD):
        harness.pools.run_stage(COMPLETE, held_task(f"lost-{number}"))
        harness.pools.run_job("write_progress", held_task(f"held-{number}"), NO_PROGRESS)
        harness.pools.run_job("preview", held_task(f"held-{number}"), "picture")

    harness.pools.run_job("interrupt", task)

    assert harness.awaits(on.InterruptSent(task))


def test_a_progress_write_waits_for_no_other_task(harness: Harness) -> None:
    task = held_task("cancelled")
    for number in range(MAX_MONITORED - 1):
        harness.pools.run_job("write_progress", held_task(f"held-{number}"), NO_PROGRESS)
    for number in range(MAX_HELD):
        harness.pools.run_stage(COMPLETE, held_task(f"lost-{number}"))

    harness.pools.run_job("write_progress", task, NO_PROGRESS)

    assert harness.awaits(on.ProgressWritten(task))


def test_a_pool_has_as_many_threads_as_its_job_wants(harness: Harness) -> None:
    before = set(threading.enumerate())
    for number in range(3):
        harness.pools.run_job("preview", held_task(f"held-{number}"), "picture")

    started = [thread.name for thread in set(threading.enumerate()) - before]
    assert started == [f"preview-{number}" for number in range(HangingPreviews.workers)]


class FailingStage:
    name = "moderate"
    workers = 1

    def run(self, task: ClaimedTask) -> None:
        raise ValueError(task.metadata.id)


def test_an_error_of_a_stage_is_an_event() -> None:
    posted: list[Event] = []
    done = threading.Event()

    def post(event: Event) -> None:
        posted.append(event)
        done.set()

    pools = WorkerPools(stages=[FailingStage()], jobs=[], post=post)
    task = held_task()

    pools.run_stage("moderate", task)

    assert done.wait(PATIENCE_SECONDS)
    (event,) = posted
    assert isinstance(event, on.StageFailed)
    assert (event.stage, event.task, str(event.error)) == ("moderate", task, "cat")
