"""Claims of messages: a task is claimed, expires, or belongs to another replica, also when AWS refuses."""

import logging
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from contract.lease import Lease, LeaseLost
from contract.record import Record, Status
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.events import MessageHandled, TaskRedelivered
from runtime_image.agent.core.task_queue import ReceivedMessage
from runtime_image.agent.intake.task_claimer import MessageReader, TaskClaimer
from runtime_image.process.logs import EventLog
from tests.harness.still_clock import StillClock
from tests.unit.runtime_image.agent.fakes import FakeLeaseRenewal, FakeQueue, FakeRepository
from tests.unit.runtime_image.agent.records import record
from tests.unit.runtime_image.agent.tasks import received, task_message

HANDLE = "handle-m-1"


class Harness:
    """The claimer on a fake table and queue."""

    def __init__(self) -> None:
        self.repository, self.queue, self.clock = FakeRepository(), FakeQueue(), StillClock()
        storage: Any = None
        self.claimer = TaskClaimer(
            reader=MessageReader(storage=storage, task_bucket="tasks", runtime="sdruntime"),
            repository=self.repository,
            owner="me",
            queue=self.queue,
            lease_renewal=FakeLeaseRenewal(),
            clock=self.clock,
            stopping=threading.Event(),
            event_log=EventLog(logging.getLogger("test")),
        )

    def claim(self, message: ReceivedMessage | None = None) -> ClaimedTask | None:
        """Claim a message; return its task, if it was claimed."""
        event = self.claimer.run(message or received(task_message().to_body()))
        assert isinstance(event, MessageHandled)
        return event.task


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_a_waiting_task_is_claimed_for_as_long_as_its_message_is_hidden(harness: Harness) -> None:
    harness.clock.seconds += 10

    task = harness.claim()

    assert task is not None
    assert harness.repository.writes == [("claim", 40.0)]
    assert task.lease_until == 1050.0


def test_a_claim_is_repeated_while_aws_does_not_answer(harness: Harness) -> None:
    for _ in range(3):
        harness.repository.problems.put(EndpointConnectionError(endpoint_url="http://aws"))

    assert harness.claim() is not None
    assert harness.queue.actions == [("extend", HANDLE)] * 3


def test_a_claim_that_aws_refuses_for_good_is_not_repeated(harness: Harness) -> None:
    harness.repository.problems.put(ClientError({"Error": {"Code": "ValidationException"}}, "UpdateItem"))

    assert harness.claim() is None
    assert harness.queue.actions == [("requeue", HANDLE, 0)]


@pytest.mark.parametrize(
    ("stored", "action"),
    [
        (record(status=Status.COMPLETED), ("delete", HANDLE)),
        (record(status=Status.CANCELLED), ("delete", HANDLE)),
        (record(run_id="ffff"), ("delete", HANDLE)),
        (None, ("requeue", HANDLE, 0)),
        (record(lease_owner="other", lease_expires_at_ms=1_700_001_007_000), ("requeue", HANDLE, 7.5)),
        (record(lease_owner="other", lease_expires_at_ms=1_700_000_000_000), ("requeue", HANDLE, 0.0)),
        (record(status=Status.IN_QUEUE), ("requeue", HANDLE, 0.0)),
    ],
)
def test_a_task_that_cannot_be_claimed(harness: Harness, stored: Record | None, action: tuple[Any, ...]) -> None:
    harness.repository.refusal, harness.repository.stored = LeaseLost(), stored

    assert harness.claim() is None
    assert harness.queue.actions == [action]


def test_a_task_that_this_agent_holds_already_is_reported_to_the_loop(harness: Harness) -> None:
    harness.repository.refusal, harness.repository.stored = LeaseLost(), record(lease_owner="me/0")
    message = received(task_message().to_body())

    assert harness.claimer.run(message) == TaskRedelivered(("cat", "1a2b"), message)
    assert harness.queue.actions == []


def test_a_claim_whose_answer_was_lost_is_a_claim(harness: Harness) -> None:
    def claim(lease: Lease, *, lease_seconds: float) -> int:
        expires_at_ms = harness.clock.now_ms() + int(lease_seconds * 1000) - 3000
        harness.repository.stored = record(lease_owner=lease.owner, lease_expires_at_ms=expires_at_ms, attempts=2)
        raise LeaseLost

    harness.repository.claim = claim  # type: ignore[method-assign] # for this test

    task = harness.claim()

    assert task is not None
    assert (task.attempt, task.lease_until) == (2, 1047.0)


@pytest.mark.parametrize(
    ("left_ms", "stored", "expired"),
    [
        (0, record(status=Status.IN_QUEUE), True),
        (1, record(status=Status.IN_QUEUE), False),
        (0, record(status=Status.IN_QUEUE, attempts=1), False),
        (0, record(status=Status.IN_QUEUE, run_id="ffff"), False),
        (0, None, False),
    ],
)
def test_only_a_task_that_was_never_claimed_expires(
    harness: Harness, left_ms: int, stored: Record | None, *, expired: bool
) -> None:
    message = task_message()
    ends_at_ms = message.submitted_at_ms + message.task.metadata.policy.ttl_ms
    harness.clock.offset_ms += ends_at_ms - left_ms - harness.clock.now_ms()
    harness.repository.stored = stored

    assert (harness.claim() is None) is expired
    assert harness.repository.writes[0][0] == ("expire" if expired else "claim")


def test_poison_is_requeued_and_never_deleted(harness: Harness) -> None:
    assert harness.claim(received("poison")) is None
    assert harness.queue.actions == [("requeue", HANDLE, 0)]
