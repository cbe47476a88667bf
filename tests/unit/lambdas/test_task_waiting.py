from typing import Any

import pytest

from contract.record import Status
from contract.transitions import Outcome
from lambdas.tasks.waiter import LONGEST_PAUSE_SECONDS, TaskWaiter
from task_store.repository import TaskRepository
from tests.unit.lambdas.harness import Harness, MakeTask

DONE = Outcome(Status.COMPLETED, output_url="s3://out/a.out")


class Clock:
    """Time passes in sleeps only; `at` says what happens during which second."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.at: dict[float, Any] = {}

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        for moment in [moment for moment in self.at if moment <= self.now]:
            self.at.pop(moment)()


@pytest.fixture
def clock() -> Clock:
    return Clock()


class ReadsOnly:
    """A client of DynamoDB that notes of each read whether it is consistent."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.reads: list[bool] = []

    def get_item(self, **request: Any) -> Any:
        self.reads.append(request.get("ConsistentRead", False))
        return self._client.get_item(**request)


@pytest.fixture
def client(harness: Harness) -> ReadsOnly:
    return ReadsOnly(harness.dynamodb)


@pytest.fixture
def reads(client: ReadsOnly) -> list[bool]:
    return client.reads


@pytest.fixture
def waiting(harness: Harness, client: ReadsOnly, clock: Clock, make_task: MakeTask) -> TaskWaiter:
    harness.submit(make_task("a"), "a")
    harness.claim("a")
    table = TaskRepository(client=client, table_name="tasks", retention_seconds=3600, now_ms=lambda: 0)
    return TaskWaiter(repository=table, clock=lambda: clock.now, sleep=clock.sleep)


def test_the_end_is_seen_soon_after_it(harness: Harness, waiting: TaskWaiter, clock: Clock) -> None:
    clock.at[7.0] = lambda: harness.finish("a", DONE)
    record = waiting.until_final("a", seconds=60)
    assert record is not None
    assert record.status is Status.COMPLETED
    assert 7.0 <= clock.now <= 7.0 + LONGEST_PAUSE_SECONDS


def test_the_record_as_it_is_when_the_time_is_over(waiting: TaskWaiter, clock: Clock) -> None:
    record = waiting.until_final("a", seconds=30)
    assert record is not None
    assert record.status is Status.IN_PROGRESS
    assert clock.now == pytest.approx(30)


def test_only_the_last_look_costs_a_whole_unit(waiting: TaskWaiter, reads: list[bool]) -> None:
    waiting.until_final("a", seconds=30)
    assert reads[:-1] == [False] * (len(reads) - 1)
    assert len(reads) > 2
    assert reads[-1], "what was written when the time is over must be in the answer"


def test_pauses_grow_so_that_waiting_long_costs_little(waiting: TaskWaiter, clock: Clock) -> None:
    waiting.until_final("a", seconds=60)
    assert clock.pauses[:-1] == sorted(clock.pauses[:-1])
    assert max(clock.pauses) == LONGEST_PAUSE_SECONDS
    assert len(clock.pauses) < 75


def test_without_time_there_is_one_look(waiting: TaskWaiter, clock: Clock) -> None:
    record = waiting.until_final("a", seconds=0)
    assert record is not None
    assert record.id == "a"
    assert clock.pauses == []


def test_a_task_that_is_not_there(waiting: TaskWaiter) -> None:
    assert waiting.until_final("nobody", seconds=1) is None
