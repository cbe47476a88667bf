"""Limit of active tasks per key, with concurrent senders, crashes and repeated requests."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from moto import mock_aws

from contract.errors import TooManyActiveTasks
from contract.record import Record, Status
from contract.tenancy import SHARED
from contract.transitions import Outcome
from lambdas.tasks import outcomes
from lambdas.tasks.active_task_limit import CLEANUP_INTERVAL_SECONDS, RESERVATION_GRACE_MS, ActiveTaskLimit
from task_store.active_runs import ActiveRuns, key_item_id
from task_store.repository import TaskRepository
from tests.harness.records import make_record
from tests.unit.lambdas.harness import Harness, MakeTask, create_table, dynamodb_client

LIMIT = 3
NOW_MS = 1_700_000_000_000
FAILED = Outcome(Status.FAILED, error={"code": "c", "message": "m"})


def new_record(task_id: str, *, run: str = "0000", key_name: str | None = "shop", now_ms: int = NOW_MS) -> Record:
    return make_record(
        id=task_id, run_id=run, key_name=key_name, submission_id=f"{task_id}-{run}", submitted_at_ms=now_ms
    )


class OneAtATime:
    """Client whose calls run one after the other, as DynamoDB guarantees for one item and moto does not."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = Lock()
        self.exceptions = client.exceptions

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            with self._lock:
                return getattr(self._client, name)(**arguments)

        return call


def test_a_run_about_which_dynamodb_says_nothing_has_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = ActiveRuns(client=None, table_name="tasks")
    monkeypatch.setattr(runs, "_items", lambda _: {"gone": {}})
    assert runs.ended(["gone/1a2b", "unread/1a2b"]) == ["gone/1a2b"]


@pytest.fixture
def client() -> Iterator[OneAtATime]:
    with mock_aws():
        dynamodb = dynamodb_client()
        create_table(dynamodb)
        yield OneAtATime(dynamodb)


def table_of(client: OneAtATime) -> TaskRepository:
    return TaskRepository(client=client, table_name="tasks", retention_seconds=60, now_ms=lambda: NOW_MS)


def runs_of(client: OneAtATime) -> ActiveRuns:
    return ActiveRuns(client=client, table_name="tasks")


def active_tasks(client: OneAtATime, *, limit: int = LIMIT) -> ActiveTaskLimit:
    return ActiveTaskLimit(runs=runs_of(client), repository=table_of(client), limit=limit)


def named(client: OneAtATime, key_name: str = "shop") -> set[str]:
    return set(runs_of(client).reserved_at_ms(key_name) or {})


def test_a_key_has_as_many_active_tasks_as_it_may(client: OneAtATime) -> None:
    tasks = active_tasks(client)
    for number in range(LIMIT):
        assert tasks.create(new_record(f"t{number}"), after=None)
    with pytest.raises(TooManyActiveTasks, match="3 tasks of the key shop"):
        tasks.create(new_record("one-more"), after=None)
    assert table_of(client).read("one-more") is None
    assert tasks.create(new_record("other", key_name="press"), after=None)
    assert tasks.create(new_record("by-topic", key_name=None), after=None)
    record = table_of(client).read("t1")
    assert record is not None
    table_of(client).finish_active(record, outcomes.cancelled())
    for _ in range(2):
        runs_of(client).release_run(record)
    assert tasks.create(new_record("one-more"), after=None)
    assert named(client) == {"t0/0000", "t2/0000", "one-more/0000"}


def test_who_comes_again_at_the_limit_is_told_of_the_task_that_is_there(client: OneAtATime) -> None:
    tasks = active_tasks(client, limit=1)
    assert tasks.create(new_record("a"), after=None)
    assert tasks.create(new_record("a"), after=None) is False
    assert tasks.create(new_record("a", run="1111"), after=None) is False
    assert named(client) == {"a/0000"}


def test_a_repetition_of_a_task_that_has_ended_is_no_further_task(harness: Harness, make_task: MakeTask) -> None:
    limit = ActiveTaskLimit(
        runs=ActiveRuns(client=harness.dynamodb, table_name="tasks"), repository=harness.repository, limit=1
    )
    submission = harness.submission_of(harness.catalogue, limit)
    sender: dict[str, Any] = {"tenant": SHARED, "key_name": "shop"}
    ended = submission.submit(make_task("a"), submission_id="once", **sender)
    harness.repository.finish_active(ended, FAILED)
    limit.runs.release_run(ended)
    submission.submit(make_task("b"), submission_id="another", **sender)

    assert submission.submit(make_task("a"), submission_id="once", **sender).run_id == ended.run_id

    with pytest.raises(TooManyActiveTasks):
        submission.submit(make_task("a"), submission_id="again", **sender)


def test_an_ended_task_that_runs_again_has_another_place(client: OneAtATime) -> None:
    tasks, table = active_tasks(client), table_of(client)
    first = new_record("a")
    assert tasks.create(first, after=None)
    assert table.finish_active(first, FAILED)
    assert tasks.create(new_record("a", run="1111"), after=table.read("a"))
    assert named(client) == {"a/0000", "a/1111"}
    runs_of(client).release_run(first)
    assert named(client) == {"a/1111"}


def test_a_lost_race_takes_no_place(client: OneAtATime) -> None:
    tasks = active_tasks(client)
    assert tasks.create(new_record("a"), after=None)
    assert tasks.create(new_record("a", run="1111"), after=None) is False
    assert named(client) == {"a/0000"}


def test_forgetting_what_nobody_counts(client: OneAtATime) -> None:
    runs_of(client).release_run(new_record("a"))
    runs_of(client).release_run(new_record("a", key_name=None))
    assert named(client) == set()


def test_an_item_of_a_key_is_no_task(client: OneAtATime) -> None:
    active_tasks(client).create(new_record("a"), after=None)
    assert table_of(client).read(key_item_id("shop")) is None


def test_many_at_once_get_exactly_the_limit(client: OneAtATime) -> None:
    tasks = [active_tasks(client, limit=7) for _ in range(8)]

    def submit(number: int) -> bool:
        try:
            return tasks[number % 8].create(new_record(f"t{number}"), after=None)
        except TooManyActiveTasks:
            return False

    with ThreadPoolExecutor(8) as callers:
        accepted = sum(callers.map(submit, range(40)))
    assert accepted == 7
    assert len(named(client)) == 7


class Crash(Exception):
    """The process dies here."""


class Limited(RuleBasedStateMachine):
    """Submissions that may die half-way, ends whose changes come late, twice or never, and time."""

    def __init__(self) -> None:
        super().__init__()
        self.mock = mock_aws()
        self.mock.start()
        self.client = dynamodb_client()
        create_table(self.client)
        self.table = TaskRepository(client=self.client, table_name="tasks", retention_seconds=60, now_ms=lambda: NOW_MS)
        self.now_ms = NOW_MS
        self.tasks = ActiveTaskLimit(
            runs=runs_of(self.client),
            repository=self.table,
            limit=LIMIT,
            clock=lambda: self.now_ms / 1000,
        )
        self.submitted = 0
        self.active: list[Record] = []
        self.ended: list[Record] = []

    def teardown(self) -> None:
        self.mock.stop()

    @initialize()
    def begin(self) -> None:
        self.submit()

    @rule()
    def submit(self) -> None:
        self.submitted += 1
        record = new_record(f"t{self.submitted}", now_ms=self.now_ms)
        try:
            assert self.tasks.create(record, after=None)
        except TooManyActiveTasks:
            return
        self.active.append(record)

    @rule()
    def die_before_the_record(self) -> None:
        self.submitted += 1
        create = self.table.create
        self.table.create = self._die  # type: ignore[method-assign]  # what a crash looks like from outside
        try:
            self.tasks.create(new_record(f"t{self.submitted}", now_ms=self.now_ms), after=None)
        except (Crash, TooManyActiveTasks):
            pass
        finally:
            self.table.create = create  # type: ignore[method-assign]

    def _die(self, record: Record, *, after: Record | None) -> bool:
        raise Crash

    @precondition(lambda self: self.active)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        record = data.draw(st.sampled_from(self.active))
        assert self.table.finish_active(record, FAILED)
        self.active.remove(record)
        self.ended.append(record)

    @precondition(lambda self: self.ended)
    @rule(data=st.data())
    def hear_of_an_end(self, data: st.DataObject) -> None:
        runs_of(self.client).release_run(data.draw(st.sampled_from(self.ended)))

    @precondition(lambda self: self.ended)
    @rule(data=st.data())
    def run_again(self, data: st.DataObject) -> None:
        previous = data.draw(st.sampled_from(self.ended))
        current = self.table.read(previous.id)
        assert current is not None
        record = new_record(previous.id, run=f"{int(current.run_id, 16) + 1:04x}", now_ms=self.now_ms)
        try:
            created = self.tasks.create(record, after=current if current.is_final else None)
        except TooManyActiveTasks:
            return
        assert created == current.is_final
        if created:
            self.active.append(record)

    @rule(milliseconds=st.sampled_from([1, int(CLEANUP_INTERVAL_SECONDS * 1000), RESERVATION_GRACE_MS + 1]))
    def time_passes(self, milliseconds: int) -> None:
        self.now_ms += milliseconds

    @invariant()
    def never_more_than_the_limit(self) -> None:
        assert len(self.active) <= LIMIT
        missing = {f"{record.id}/{record.run_id}" for record in self.active} - named(self.client)
        assert not missing, "what is active is named, so it counts"

    @rule()
    def whatever_was_left_behind_makes_room_in_the_end(self) -> None:
        self.now_ms += RESERVATION_GRACE_MS + int(CLEANUP_INTERVAL_SECONDS * 1000) + 1
        before = len(self.active)
        self.submit()
        assert len(self.active) == min(before + 1, LIMIT)


@pytest.mark.parametrize("examples", [5, pytest.param(30, marks=pytest.mark.slow)])
def test_any_order_of_calls_keeps_the_limit(examples: int) -> None:
    run_state_machine_as_test(Limited, settings=settings(max_examples=examples, stateful_step_count=20, deadline=None))
