"""Who waits for whom: nothing that hangs at AWS keeps an interrupt, or the look at another task's record, waiting."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from runtime_image.agent.complete.task_completion import TaskCompletion
from runtime_image.agent.core import events as on
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.events import AbandonReason, Event
from runtime_image.agent.core.worker_pools import MAX_AHEAD, MAX_HELD, WorkerPools
from runtime_image.agent.generate.adaptive_concurrency import MAX_OUTSTANDING
from runtime_image.agent.generate.generation import Generation
from runtime_image.agent.store.previews import Previews
from task_store.lease import Lease
from task_store.repository import TaskRepository
from tests.unit.runtime_image.agent.tasks import held_task

#: Far more than a thread takes to be started on a busy machine.
PATIENCE_SECONDS = 30.0


class HangingRepository(TaskRepository):
    """Answers for one task only, until it is released."""

    def __init__(self, release: threading.Event) -> None:
        self._release = release

    def check_lease(self, lease: Lease) -> bool:
        if lease.task_id != "cancelled":
            self._release.wait(PATIENCE_SECONDS)
        return False


class HangingCompletion(TaskCompletion):
    def __init__(self, release: threading.Event) -> None:
        self._release = release

    def abandon(self, task: ClaimedTask, reason: AbandonReason) -> Event:
        self._release.wait(PATIENCE_SECONDS)
        return on.TaskEnded(task)


class HangingPreviews(Previews):
    def __init__(self, release: threading.Event) -> None:
        self._release = release

    def store(self, task: ClaimedTask, encoded: str) -> str | None:
        self._release.wait(PATIENCE_SECONDS)
        return None


class QuickGeneration(Generation):
    def __init__(self) -> None:
        pass

    def interrupt(self, task: ClaimedTask) -> Event:
        return on.InterruptSent(task)


class Station:
    def __init__(self) -> None:
        self.release = threading.Event()
        self._posted: list[Event] = []
        self._changed = threading.Condition()
        unused: Any = None
        self.pools = WorkerPools(
            intake=unused,
            preparation=unused,
            generation=QuickGeneration(),
            readiness=unused,
            storing=unused,
            previews=HangingPreviews(self.release),
            completion=HangingCompletion(self.release),
            repository=HangingRepository(self.release),
            queue=unused,
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
def station() -> Iterator[Station]:
    station = Station()
    yield station
    station.release.set()


def test_an_interrupt_waits_for_no_look_no_ending_and_no_preview(station: Station) -> None:
    task = held_task()
    for number in range(MAX_HELD):
        station.pools.abandon(held_task(f"lost-{number}"), AbandonReason.RECORD)
        station.pools.heartbeat(held_task(f"held-{number}"), None)
        station.pools.store_preview(held_task(f"held-{number}"), "picture")

    station.pools.interrupt(task)

    assert station.awaits(on.InterruptSent(task))


def test_the_look_at_a_record_waits_for_no_other_task(station: Station) -> None:
    task = held_task("cancelled")
    for number in range(MAX_AHEAD + MAX_OUTSTANDING - 1):
        station.pools.heartbeat(held_task(f"held-{number}"), None)
    for number in range(MAX_HELD):
        station.pools.abandon(held_task(f"lost-{number}"), AbandonReason.RECORD)

    station.pools.heartbeat(task, None)

    assert station.awaits(on.HeartbeatDone(task, is_held=True))
