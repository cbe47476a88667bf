"""Claiming, keeping and letting go of a task: what happens to its record and its messages, also when AWS refuses."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from contract.errors import ExecutionTimedOut
from contract.record import Record, Status
from contract.transitions import Outcome
from guarded_http.errors import LinkRefused
from runtime_image.agent.complete.task_completion import RETRY_DELAYS_SECONDS, TaskCompletion
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.events import (
    AbandonReason,
    Event,
    MessageSettled,
    TaskClaimed,
    TaskEnded,
    TaskLost,
    TaskRedelivered,
)
from runtime_image.agent.intake.message_reader import MessageReader
from runtime_image.agent.intake.task_claimer import TaskClaimer
from runtime_image.agent.lease.lease_renewal import LeaseRenewal
from runtime_image.agent.telemetry.observer import TaskResult
from runtime_image.process.logs import EventLog
from runtime_image.process.retry import Retry
from runtime_image.webui.errors import WebUiFailed
from task_store.lease import Lease, LeaseLost
from tests.unit.runtime_image.agent.fakes import FakeLeaseRenewal, FakeObserver, FakeQueue, FakeRepository
from tests.unit.runtime_image.agent.tasks import StillClock, held_task, received, task_message

HANDLE = "handle-m-1"


def record(**changes: Any) -> Record:
    values: dict[str, Any] = {
        "id": "cat",
        "run": "1a2b",
        "status": Status.IN_PROGRESS,
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "format": "v1alpha2",
        "prefix": "output",
        "submission_id": "s",
        "fingerprint": "f",
        "execution_timeout_ms": 600_000,
        "ttl_ms": 86_400_000,
        "submitted_at_ms": 1_700_000_000_000,
    }
    return Record(**(values | changes))


class Harness:
    """TaskClaimer, endings and keeper on one fake table and queue."""

    def __init__(self) -> None:
        self.repository, self.queue, self.clock = FakeRepository(), FakeQueue(), StillClock()
        self.observer = FakeObserver()
        self.posted: list[Event] = []
        log = EventLog(logging.getLogger("test"))
        storage: Any = None
        self.intake = TaskClaimer(
            reader=MessageReader(storage=storage, task_bucket="tasks", runtime="sdruntime"),
            repository=self.repository,
            owner="me",
            queue=self.queue,
            lease_renewal=FakeLeaseRenewal(),
            clock=self.clock,
            stopping=threading.Event(),
            log=log,
        )
        self.completion = TaskCompletion(
            repository=self.repository,
            queue=self.queue,
            lease_renewal=FakeLeaseRenewal(),
            retry=Retry(clock=self.clock, log=log),
            observers=[self.observer],
            clock=self.clock,
            log=log,
        )
        self.lease_renewal = LeaseRenewal(
            repository=self.repository, queue=self.queue, clock=self.clock, log=log, post=self.posted.append
        )

    def aws_fails(self, times: int) -> None:
        for _ in range(times):
            self.repository.problems.put(EndpointConnectionError(endpoint_url="http://aws"))


@pytest.fixture
def desk() -> Harness:
    return Harness()


def test_a_waiting_task_is_claimed_for_as_long_as_its_message_is_hidden(desk: Harness) -> None:
    desk.clock.seconds += 10

    event = desk.intake.claim(received(task_message().to_body()))

    assert isinstance(event, TaskClaimed)
    assert desk.repository.writes == [("claim", 40.0)]
    assert event.task.lease_until == 1050.0


def test_a_claim_is_tried_again_while_aws_does_not_answer(desk: Harness) -> None:
    desk.aws_fails(3)

    assert isinstance(desk.intake.claim(received(task_message().to_body())), TaskClaimed)
    assert desk.queue.actions == [("extend", HANDLE)] * 3


@pytest.mark.parametrize(
    ("stored", "action"),
    [
        (record(status=Status.COMPLETED), ("delete", HANDLE)),
        (record(run="ffff"), ("delete", HANDLE)),
        (None, ("requeue", HANDLE, 0)),
        (record(lease_owner="other", lease_expires_at_ms=1_700_001_007_000), ("requeue", HANDLE, 7.5)),
        (record(lease_owner="other", lease_expires_at_ms=1_700_000_000_000), ("requeue", HANDLE, 0.0)),
        (record(status=Status.IN_QUEUE), ("requeue", HANDLE, 0.0)),
    ],
)
def test_a_task_that_cannot_be_claimed(desk: Harness, stored: Record | None, action: tuple[Any, ...]) -> None:
    desk.repository.refuse, desk.repository.stored = True, stored

    assert isinstance(desk.intake.claim(received(task_message().to_body())), MessageSettled)
    assert desk.queue.actions == [action]


def test_a_task_that_is_held_here_already_is_told_to_the_loop(desk: Harness) -> None:
    desk.repository.refuse, desk.repository.stored = True, record(lease_owner="me/0")
    message = received(task_message().to_body())

    assert desk.intake.claim(message) == TaskRedelivered(("cat", "1a2b"), message)
    assert desk.queue.actions == []


def test_a_claim_whose_answer_was_lost_is_a_claim(desk: Harness) -> None:
    def claim(lease: Lease, *, lease_seconds: float) -> int:
        expires_at_ms = desk.clock.now_ms() + int(lease_seconds * 1000) - 3000
        desk.repository.stored = record(lease_owner=lease.owner, lease_expires_at_ms=expires_at_ms, attempts=2)
        raise LeaseLost

    desk.repository.claim = claim  # type: ignore[method-assign] # for this test

    event = desk.intake.claim(received(task_message().to_body()))

    assert isinstance(event, TaskClaimed)
    assert (event.task.attempt, event.task.lease_until) == (2, 1047.0)


@pytest.mark.parametrize(("attempts", "expired"), [(0, True), (1, False)])
def test_only_a_task_that_was_never_begun_expires(desk: Harness, attempts: int, *, expired: bool) -> None:
    desk.clock.offset_ms += 86_400_000
    desk.repository.stored = record(status=Status.IN_QUEUE, attempts=attempts)

    event = desk.intake.claim(received(task_message().to_body()))

    assert isinstance(event, MessageSettled if expired else TaskClaimed)
    assert desk.repository.writes[0][0] == ("expire" if expired else "claim")


def test_poison_is_given_back_and_never_deleted(desk: Harness) -> None:
    assert isinstance(desk.intake.claim(received("poison")), MessageSettled)
    assert desk.queue.actions == [("requeue", HANDLE, 0)]


def test_the_record_is_final_before_the_messages_are_deleted(desk: Harness) -> None:
    task = held_task()
    task.duplicates.append(received(message_id="m-2"))
    desk.aws_fails(3)

    assert desk.completion.commit(task, Outcome(Status.COMPLETED)) == TaskEnded(task)

    assert desk.repository.writes == [("finish", "COMPLETED")]
    assert desk.queue.actions == [("delete", "handle-cat"), ("delete", "handle-m-2")]


def test_a_commit_that_is_refused_deletes_nothing(desk: Harness) -> None:
    desk.repository.refuse = True

    with pytest.raises(LeaseLost):
        desk.completion.commit(held_task(), Outcome(Status.COMPLETED))
    assert desk.queue.actions == []


def test_a_failure_that_meets_a_cancel_leaves_the_cancel(desk: Harness) -> None:
    desk.repository.refuse, desk.repository.stored = True, record(status=Status.CANCELLED)

    desk.completion.fail(held_task(), LinkRefused("no"))

    assert desk.queue.actions == [("delete", "handle-cat")]


def test_hand_back_is_delayed_by_delivery(desk: Harness) -> None:
    for receive_count, delay in enumerate([*RETRY_DELAYS_SECONDS, RETRY_DELAYS_SECONDS[-1]], 1):
        task = held_task()
        task.message = received(receive_count=receive_count)
        desk.completion.release(task, WebUiFailed("crash"))
        assert desk.queue.actions[-1] == ("requeue", HANDLE, delay)
    desk.completion.release(held_task(), None)
    assert desk.repository.writes[-1] == ("release", None)
    assert desk.queue.actions[-1] == ("requeue", "handle-cat", 0.0)


def test_aws_is_asked_again_only_while_the_lease_holds(desk: Harness) -> None:
    desk.aws_fails(1000)

    assert desk.completion.fail(held_task(), LinkRefused("no")) is not None

    assert desk.repository.writes == []
    assert 1050.0 <= desk.clock.seconds < 1053.0
    assert desk.queue.actions == []


@pytest.mark.parametrize(
    ("reason", "stored", "writes", "actions"),
    [
        (AbandonReason.RECORD, record(status=Status.CANCELLED), [], [("delete", "handle-cat")]),
        (AbandonReason.RECORD, record(lease_owner="other"), [], []),
        (AbandonReason.RECORD, record(status=Status.IN_QUEUE), [], [("requeue", "handle-cat", 0)]),
        (AbandonReason.LEASE_ENDED, record(), [], []),
        (AbandonReason.MESSAGE, record(), [("release", None)], []),
    ],
)
def test_lost_tasks(
    desk: Harness, reason: AbandonReason, stored: Record, writes: list[tuple[Any, ...]], actions: list[tuple[Any, ...]]
) -> None:
    desk.repository.stored = stored

    desk.completion.abandon(held_task(), reason)

    assert desk.repository.writes == writes
    assert desk.queue.actions == actions


def renewed(desk: Harness, task: ClaimedTask) -> None:
    """Do what the keeper's thread does when a renewal is due."""
    desk.lease_renewal.start(task)
    desk.lease_renewal.renew(task)


def test_visibility_and_lease_are_renewed_together(desk: Harness) -> None:
    task = held_task()
    task.duplicates.append(received(message_id="m-2"))
    desk.clock.seconds += 20

    renewed(desk, task)

    assert desk.queue.actions == [("extend", "handle-cat"), ("extend", "handle-m-2")]
    assert desk.repository.writes == [("renew", 58.0)]
    assert task.lease_until == 1078.0


def test_losing_either_is_told_to_the_loop(desk: Harness) -> None:
    task = held_task()
    desk.queue.gone = {"handle-cat"}
    renewed(desk, task)
    desk.queue.gone, desk.repository.refuse = set(), True
    renewed(desk, task)

    assert desk.posted == [TaskLost(task, AbandonReason.MESSAGE), TaskLost(task, AbandonReason.RECORD)]


def test_what_aws_does_not_answer_is_not_lost_yet(desk: Harness) -> None:
    task = held_task()
    desk.aws_fails(1)

    renewed(desk, task)

    assert desk.posted == []
    assert task.lease_until == 1050.0


def test_nothing_is_renewed_after_a_release(desk: Harness) -> None:
    task = held_task()
    desk.lease_renewal.start(task)
    desk.lease_renewal.stop(task)

    desk.lease_renewal.renew(task)

    assert desk.queue.actions == []


@pytest.mark.parametrize("intake_seconds", [0, 10, 40])
def test_the_first_renewal_is_due_by_the_receipt_however_long_the_intake_took(
    desk: Harness, intake_seconds: float
) -> None:
    """The visibility timeout of 60 s runs from the receipt, and so does the lease of 58 s."""
    task = held_task()
    desk.clock.seconds += intake_seconds

    desk.lease_renewal.start(task)

    # A due time that is past means at once.
    assert desk.lease_renewal._due[task] == task.message.received_at + 20


def test_a_release_waits_for_a_renewal_of_the_same_task_and_for_no_other(desk: Harness) -> None:
    renewing, released = threading.Event(), threading.Event()
    hangs = threading.Event()

    def extend(receipt_handle: str) -> None:
        renewing.set()
        assert hangs.wait(30)

    desk.queue.extend = extend  # type: ignore[method-assign] # for this test
    task, other = held_task("cat"), held_task("dog")
    desk.lease_renewal.start(other)
    renewal = threading.Thread(target=renewed, args=(desk, task), daemon=True)
    renewal.start()
    assert renewing.wait(30)

    desk.lease_renewal.stop(other)

    def release() -> None:
        desk.lease_renewal.stop(task)
        released.set()

    releasing = threading.Thread(target=release, daemon=True)
    releasing.start()
    assert not released.wait(0.1), "a renewal could still follow"
    hangs.set()
    assert released.wait(30)
    renewal.join(30)
    assert task not in desk.lease_renewal._due, "a renewal that was under way has brought the task back"


def test_each_ending_is_told_once(desk: Harness) -> None:
    desk.completion.commit(held_task("done"), Outcome(Status.COMPLETED, image_urls=("s3://b/1", "s3://b/2")))
    desk.completion.fail(held_task("broken"), LinkRefused("no"))
    desk.completion.release(held_task("later"), WebUiFailed("crash"))
    desk.completion.release(held_task("stopped"), None)
    desk.completion.abandon(held_task("gone"), AbandonReason.MESSAGE)
    desk.repository.refuse, desk.repository.stored = True, record(status=Status.CANCELLED)
    desk.completion.fail(held_task("cancelled"), LinkRefused("no"))

    assert desk.observer.completion == [
        ("done", TaskResult.COMPLETED, 2, None),
        ("broken", TaskResult.FAILED, 0, "link_refused"),
        ("later", TaskResult.RELEASED, 0, "webui_failed"),
        ("stopped", TaskResult.RELEASED, 0, None),
        ("gone", TaskResult.LOST, 0, None),
        ("cancelled", TaskResult.LOST, 0, None),
    ]


def release(desk: Harness, task: ClaimedTask) -> None:
    desk.completion.release(task, None)


def lose_message(desk: Harness, task: ClaimedTask) -> None:
    desk.completion.abandon(task, AbandonReason.MESSAGE)


def run_out(desk: Harness, task: ClaimedTask) -> None:
    desk.completion.fail(task, ExecutionTimedOut("too long"))


@pytest.mark.parametrize("abandon", [release, lose_message, run_out])
def test_what_meets_a_commit_tells_no_second_ending(
    desk: Harness, abandon: Callable[[Harness, ClaimedTask], None]
) -> None:
    task, repository = held_task(), desk.repository
    finish, others = repository.finish, []

    def finish_and_be_overtaken(lease: Lease, outcome: Outcome) -> None:
        repository.finish = finish  # type: ignore[method-assign] # for this test
        finish(lease, outcome)
        repository.refuse, repository.stored = True, record(status=Status.COMPLETED)
        # The record is final; before that is told, somebody else finds it so.
        others.append(threading.Thread(target=abandon, args=(desk, task)))
        others[0].start()
        others[0].join(0.05)

    repository.finish = finish_and_be_overtaken  # type: ignore[method-assign] # for this test
    desk.completion.commit(task, Outcome(Status.COMPLETED))
    others[0].join()

    assert desk.observer.completion == [("cat", TaskResult.COMPLETED, 0, None)]
