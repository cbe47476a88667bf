"""The place of a waiting task: exact while the index can say, absent otherwise."""

from collections.abc import Callable
from typing import Any

import pytest

from contract.record import Status
from contract.transitions import Outcome
from lambdas.tasks import queue_place
from lambdas.tasks.queue_place import QueuePlace, QueuePlaces
from tests.unit.lambdas.harness import Harness, MakeTask

PlaceOf = Callable[[str], QueuePlace]


@pytest.fixture
def place_of(harness: Harness) -> PlaceOf:
    places = QueuePlaces(repository=harness.repository, now_ms=lambda: harness.now_ms)
    return lambda task_id: places.of(harness.record(task_id))


@pytest.fixture
def submit(harness: Harness, make_task: MakeTask) -> Callable[..., None]:
    def submit_tasks(*task_ids: str, **metadata: Any) -> None:
        for task_id in task_ids:
            harness.submit(make_task(task_id, **metadata), task_id)
            harness.now_ms += 1000

    return submit_tasks


def run(harness: Harness, *task_ids: str, seconds: int = 10) -> None:
    for task_id in task_ids:
        harness.claim(task_id)
        harness.now_ms += seconds * 1000
        harness.finish(task_id, Outcome(Status.COMPLETED))


def test_the_place_counts_the_waiting_tasks_accepted_before(
    harness: Harness, submit: Callable[..., None], place_of: PlaceOf
) -> None:
    submit("a", "b", "c", "d")

    assert [place_of(name).position for name in "abcd"] == [1, 2, 3, 4]

    run(harness, "a")
    harness.claim("b")
    assert [place_of(name).position for name in "abcd"] == [None, None, 1, 2]


def test_tasks_of_low_priority_stand_behind_all_and_have_no_place(
    submit: Callable[..., None], place_of: PlaceOf
) -> None:
    submit("low", policy={"lowPriority": True})
    submit("a", "b")

    assert [place_of(name).position for name in ("low", "a", "b")] == [None, 1, 2]


def test_the_estimate_follows_littles_law(harness: Harness, submit: Callable[..., None], place_of: PlaceOf) -> None:
    """Two tasks run at a time, each for ten seconds: one begins every five seconds."""
    submit("a", "b", "c", "d", "e", "f", "g")
    run(harness, "a", seconds=300)
    run(harness, "b", "c")
    harness.claim("d", owner="one")
    harness.claim("e", owner="two")

    assert place_of("f") == QueuePlace(1, harness.now_ms + 5_000)
    assert place_of("g") == QueuePlace(2, harness.now_ms + 10_000)


def test_there_is_no_estimate_without_a_running_task_or_measured_ones(
    harness: Harness, submit: Callable[..., None], place_of: PlaceOf
) -> None:
    submit("a", "b", "c", "d", "e")
    run(harness, "a", "b")
    harness.claim("c")
    assert place_of("e") == QueuePlace(2)

    run(harness, "d")
    harness.finish("c", Outcome(Status.COMPLETED))
    assert place_of("e") == QueuePlace(1)


def test_a_place_behind_too_many_tasks_is_unknown(
    submit: Callable[..., None], place_of: PlaceOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_place, "MAX_AHEAD", 2)
    submit("a", "b", "c", "d")

    assert [place_of(name).position for name in "abcd"] == [1, 2, 3, None]


def test_a_place_counts_tasks_that_came_after_the_last_read(
    submit: Callable[..., None], place_of: PlaceOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_place, "MAX_AHEAD", 3)
    submit("a")
    assert place_of("a").position == 1
    submit("b", "c", "d", "e")
    assert [place_of(name).position for name in "abcde"] == [1, 2, 3, 4, None]
