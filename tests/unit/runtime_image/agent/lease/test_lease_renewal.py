"""Renewal of leases: visibility and lease together, and the reason when either is lost."""

import logging
import threading

import pytest
from botocore.exceptions import EndpointConnectionError

from contract.lease import LeaseLost, TaskCancelled
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.completion import AbandonReason
from runtime_image.agent.core.events import Event, TaskLost
from runtime_image.agent.lease.lease_renewal import LeaseRenewal
from runtime_image.process.logs import EventLog
from tests.harness.still_clock import StillClock
from tests.unit.runtime_image.agent.fakes import FakeQueue, FakeRepository
from tests.unit.runtime_image.agent.tasks import held_task, received


class Harness:
    """The renewal on a fake table and queue."""

    def __init__(self) -> None:
        self.repository, self.queue, self.clock = FakeRepository(), FakeQueue(), StillClock()
        self.posted: list[Event] = []
        self.renewal = LeaseRenewal(
            repository=self.repository,
            queue=self.queue,
            clock=self.clock,
            log=EventLog(logging.getLogger("test")),
            post=self.posted.append,
        )

    def renew(self, task: ClaimedTask) -> None:
        """Do the work of the thread when a renewal is due."""
        self.renewal.start(task)
        self.renewal.renew(task)


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_visibility_and_lease_are_renewed_together(harness: Harness) -> None:
    task = held_task()
    task.duplicates.append(received(message_id="m-2"))
    harness.clock.seconds += 20

    harness.renew(task)

    assert harness.queue.actions == [("extend", "handle-cat"), ("extend", "handle-m-2")]
    assert harness.repository.writes == [("renew", 58.0)]
    assert task.lease_until == 1078.0


def test_a_lost_message_is_reported(harness: Harness) -> None:
    task = held_task()
    harness.queue.gone = {"handle-cat"}

    harness.renew(task)

    assert harness.posted == [TaskLost(task, AbandonReason.MESSAGE_LOST)]


@pytest.mark.parametrize(
    ("refusal", "reason"), [(TaskCancelled(), AbandonReason.CANCELLED), (LeaseLost(), AbandonReason.LEASE_LOST)]
)
def test_a_refused_renewal_is_reported_with_its_reason(
    harness: Harness, refusal: LeaseLost, reason: AbandonReason
) -> None:
    task = held_task()
    harness.repository.refusal = refusal

    harness.renew(task)

    assert harness.posted == [TaskLost(task, reason)]


def test_a_renewal_without_an_answer_loses_nothing_yet(harness: Harness) -> None:
    task = held_task()
    harness.repository.problems.put(EndpointConnectionError(endpoint_url="http://aws"))

    harness.renew(task)

    assert harness.posted == []
    assert task.lease_until == 1050.0


def test_no_renewal_follows_a_stop(harness: Harness) -> None:
    task = held_task()
    harness.renewal.start(task)
    harness.renewal.stop(task)

    harness.renewal.renew(task)

    assert harness.queue.actions == []


@pytest.mark.parametrize("lease_seconds", [58, 50, 40, 10, 1])
def test_the_first_renewal_is_due_by_the_lease_that_was_granted(harness: Harness, lease_seconds: float) -> None:
    """A claim whose answer was lost grants what is left of its first try, which may be less than a third of a lease."""
    task = held_task()
    task.lease_until = 1000.0 + lease_seconds

    harness.renewal.start(task)

    # Two thirds of a whole lease of 58 s are left. A due time that is past means at once.
    assert harness.renewal._due[task] == pytest.approx(1000.0 + lease_seconds - 58 * 2 / 3)


def test_a_stop_waits_for_a_renewal_of_the_same_task_and_for_no_other(harness: Harness) -> None:
    renewing, stopped = threading.Event(), threading.Event()
    hangs = threading.Event()

    def extend(receipt_handle: str) -> None:
        renewing.set()
        assert hangs.wait(30)

    harness.queue.extend = extend  # type: ignore[method-assign] # for this test
    task, other = held_task("cat"), held_task("dog")
    harness.renewal.start(other)
    renewal = threading.Thread(target=harness.renew, args=(task,), daemon=True)
    renewal.start()
    assert renewing.wait(30)

    harness.renewal.stop(other)

    def stop() -> None:
        harness.renewal.stop(task)
        stopped.set()

    threading.Thread(target=stop, daemon=True).start()
    assert not stopped.wait(0.1), "a renewal could still follow"
    hangs.set()
    assert stopped.wait(30)
    renewal.join(30)
    assert task not in harness.renewal._due, "a renewal that was under way has brought the task back"
