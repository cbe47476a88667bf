"""A refused write says whether its sender cancelled the task or the replica lost its lease."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from moto import mock_aws

from contract.errors import WorkerLost
from contract.lease import Lease, LeaseLost, ProgressReport, TaskCancelled
from contract.record import Record, Status
from contract.transitions import Outcome
from task_store.repository import TaskRepository
from tests.harness.records import make_record
from tests.unit.lambdas.harness import create_table, dynamodb_client

LEASE = Lease("a", "1a2b", "replica/1")
CANCELLED = Outcome(Status.CANCELLED, error={"code": "cancelled", "message": "m"})
FAILED = Outcome(Status.FAILED, error={"code": "c", "message": "m"})
DONE = Outcome(Status.COMPLETED)


@dataclass
class Store:
    repository: TaskRepository
    record: Record
    now_ms: int = 1_700_000_000_000


@pytest.fixture
def store() -> Iterator[Store]:
    client: Any = dynamodb_client()
    with mock_aws():
        create_table(client)
        record = make_record(submitted_at_ms=0)
        repository = TaskRepository(client=client, table_name="tasks", retention_seconds=60, now_ms=lambda: made.now_ms)
        made = Store(repository, record)
        assert repository.create(record, after=None)
        yield made


def raise_loss(state: bool | LeaseLost) -> None:
    if isinstance(state, LeaseLost):
        raise state


Write = Callable[[TaskRepository], object]
WRITES: dict[str, Write] = {
    "check": lambda tasks: raise_loss(tasks.check_leases([LEASE])[LEASE]),
    "renew": lambda tasks: tasks.renew(LEASE, lease_seconds=60),
    "report": lambda tasks: tasks.report_progress(LEASE, ProgressReport(500, {})),
    "release": lambda tasks: tasks.release(LEASE, next_check_at_ms=0, error=WorkerLost("m")),
    "finish": lambda tasks: tasks.finish(LEASE, DONE),
}
OTHER_WRITES: dict[str, Write] = {
    "claim": lambda tasks: tasks.claim(LEASE, lease_seconds=60),
    "expire": lambda tasks: tasks.expire("a", "1a2b"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_lease_allows_its_writes_until_another_replica_claims_the_run(store: Store, write: Write) -> None:
    assert store.repository.claim(LEASE, lease_seconds=60) == 1
    store.now_ms += 60_001
    assert store.repository.claim(LEASE._replace(owner="replica/2"), lease_seconds=60) == 2
    with pytest.raises(LeaseLost) as refusal:
        write(store.repository)
    assert refusal.type is LeaseLost


@pytest.mark.parametrize("write", (WRITES | OTHER_WRITES).values(), ids=WRITES | OTHER_WRITES)
def test_a_cancelled_run_is_told_apart_from_a_lost_lease(store: Store, write: Write) -> None:
    store.repository.claim(LEASE, lease_seconds=60)
    assert store.repository.finish_active(store.record, CANCELLED)
    with pytest.raises(TaskCancelled):
        write(store.repository)


@pytest.mark.parametrize("write", (WRITES | OTHER_WRITES).values(), ids=WRITES | OTHER_WRITES)
def test_another_end_or_another_run_or_no_record_is_a_lost_lease(store: Store, write: Write) -> None:
    tasks = store.repository
    tasks.finish_active(store.record, FAILED)
    for change in (
        lambda: None,
        lambda: tasks.create(
            store.record.model_copy(update={"run_id": "2b3c", "submission_id": "t"}), after=store.record
        ),
        lambda: tasks._client.delete_item(TableName="tasks", Key={"id": "a"}),
    ):
        change()
        with pytest.raises(LeaseLost) as refusal:
            write(tasks)
        assert refusal.type is LeaseLost


def test_a_cancel_of_the_next_run_is_a_lost_lease_for_the_one_before(store: Store) -> None:
    tasks = store.repository
    tasks.finish_active(store.record, FAILED)
    following = store.record.model_copy(update={"run_id": "2b3c", "submission_id": "t"})
    assert tasks.create(following, after=store.record)
    assert tasks.finish_active(following, CANCELLED)
    with pytest.raises(LeaseLost) as refusal:
        tasks.renew(LEASE, lease_seconds=60)
    assert refusal.type is LeaseLost


def test_a_lease_is_worth_what_it_says(store: Store) -> None:
    tasks = store.repository
    tasks.claim(LEASE, lease_seconds=60)
    assert tasks.check_leases([LEASE]) == {LEASE: False}
    assert tasks.interrupt(store.record)
    assert tasks.check_leases([LEASE, LEASE]) == {LEASE: True}
    tasks.report_progress(LEASE, ProgressReport(500, {"sampling_step": 3}, models={"bytes": 4}))
    tasks.release(LEASE, next_check_at_ms=0, error=WorkerLost("gone"))
    record = tasks.read("a")
    assert record is not None
    assert (record.status, record.attempts, record.last_error) == (
        Status.IN_QUEUE,
        1,
        {"code": "worker_lost", "message": "gone"},
    )
    tasks.claim(LEASE, lease_seconds=60)
    tasks.finish(LEASE, DONE)
    record = tasks.read("a")
    assert record is not None
    assert (record.status, record.attempts) == (Status.COMPLETED, 2)


def test_a_progress_write_that_arrives_late_leaves_a_finished_run_alone(store: Store) -> None:
    """Reported of another service: a late progress update turned a finished job back to IN_PROGRESS for ever."""
    tasks = store.repository
    tasks.claim(LEASE, lease_seconds=60)
    tasks.finish(LEASE, DONE)
    finished = tasks.read("a")
    with pytest.raises(LeaseLost):
        tasks.report_progress(LEASE, ProgressReport(500, {"sampling_step": 3}))
    assert tasks.read("a") == finished


def test_a_waiting_run_expires(store: Store) -> None:
    store.repository.expire("a", "1a2b")
    record = store.repository.read("a")
    assert record is not None
    assert record.status is Status.TIMED_OUT


def test_heartbeats_of_replicas_are_found_by_their_age(store: Store) -> None:
    store.repository.heartbeat("one", "sdruntime")
    store.now_ms += 1_000
    store.repository.heartbeat("two", "sdruntime")
    store.repository.heartbeat("three", "other")
    assert store.repository.live_replicas("sdruntime", since_ms=store.now_ms) == {"two"}
    assert store.repository.live_replicas("sdruntime", since_ms=0) == {"one", "two"}
    assert store.repository.read("replica/one") is None
