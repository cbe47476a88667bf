"""Number of tasks that are claimed ahead of the engine."""

from random import Random

import pytest

from runtime_image.agent.core.worker_pools import MAX_OUTSTANDING
from runtime_image.agent.intake.prefetch_window import HORIZON_SECONDS, PrefetchWindow
from tests.unit.runtime_image.agent.tasks import held_task


def pace_of(seconds: float) -> PrefetchWindow:
    prefetch_window = PrefetchWindow()
    for number in range(50):
        prefetch_window.generated(sent_at=number * seconds, ended_at=(number + 1) * seconds)
    return prefetch_window


def test_two_are_taken_while_nothing_is_known() -> None:
    task = held_task()

    assert PrefetchWindow().room(outstanding=[], ahead=0, now=0.0) == 1
    assert PrefetchWindow().room(outstanding=[], ahead=1, now=0.0) == 1
    assert PrefetchWindow().room(outstanding=[task], ahead=0, now=0.0) == 1
    assert not PrefetchWindow().room(outstanding=[task], ahead=1, now=0.0)
    assert not PrefetchWindow().room(outstanding=[], ahead=2, now=0.0)
    assert not PrefetchWindow().room(outstanding=[task], ahead=0, now=HORIZON_SECONDS + 1)


@pytest.mark.parametrize(
    ("seconds", "elapsed", "ahead", "has_room"),
    [(60.0, 10.0, 0, False), (60.0, 58.0, 0, True), (60.0, 90.0, 0, True), (1.0, 0.0, 1, True), (1.0, 0.0, 5, False)],
)
def test_little_is_held_ahead(seconds: float, elapsed: float, ahead: int, *, has_room: bool) -> None:
    task = held_task()
    task.sent_at = 50 * seconds

    room = pace_of(seconds).room(outstanding=[task], ahead=ahead, now=50 * seconds + elapsed)

    assert room == int(has_room)


@pytest.mark.parametrize(("seconds", "calls"), [(0.02, 4), (0.05, 4), (0.25, 4), (0.5, 3), (1.0, 2), (60.0, 2)])
def test_about_a_second_of_work_waits_at_the_engine(seconds: float, calls: int) -> None:
    assert pace_of(seconds).max_outstanding == calls


def test_one_call_is_at_the_engine_while_nothing_is_known() -> None:
    assert PrefetchWindow().max_outstanding == 1


@pytest.mark.parametrize("seed", range(5))
def test_noise_never_reduces_short_calls_at_the_engine(seed: int) -> None:
    noise = Random(seed)  # noqa: S311 - a reproducible neighbour, no secret
    prefetch_window, now = PrefetchWindow(), 0.0
    for number in range(500):
        ended_at = now + 0.05 * noise.choice([1.0, 1.0, 1.3, 2.0, 4.0])
        prefetch_window.generated(sent_at=now, ended_at=ended_at)
        now = ended_at
        assert prefetch_window.max_outstanding == MAX_OUTSTANDING, number


def test_a_request_that_waited_behind_another_is_not_counted_twice() -> None:
    prefetch_window = PrefetchWindow()
    prefetch_window.generated(sent_at=0.0, ended_at=10.0)
    prefetch_window.generated(sent_at=0.1, ended_at=20.0)
    task = held_task()
    task.sent_at = 20.0

    assert not prefetch_window.room(outstanding=[task], ahead=0, now=20.0)
    assert prefetch_window.room(outstanding=[task], ahead=0, now=27.5)


def test_a_first_task_tells_by_its_progress_how_long_it_takes() -> None:
    short, long = held_task(), held_task()
    short.sent_at = long.sent_at = 10.0
    prefetch_window, slow = PrefetchWindow(), PrefetchWindow()
    prefetch_window.foresee(short, 0.01, 10.05)
    assert not prefetch_window.is_known

    prefetch_window.foresee(short, 0.2, 10.05)
    slow.foresee(long, 0.05, 13.0)

    assert prefetch_window.room(outstanding=[short], ahead=0, now=10.06) == 1
    assert slow.room(outstanding=[long], ahead=0, now=13.0) == 0
    assert slow.began_too_early([long], 13.0)
    assert not prefetch_window.began_too_early([short], 10.06)
    assert slow.room(outstanding=[long], ahead=0, now=68.0) == 1
    # After the first answer no claimed task is released to another replica.
    slow.generated(sent_at=10.0, ended_at=70.0)
    assert not slow.began_too_early([long], 73.0)


def test_several_are_received_at_a_time_if_they_are_short() -> None:
    prefetch_window = pace_of(0.05)

    assert prefetch_window.room(outstanding=[], ahead=0, now=2.5) == 4
    assert prefetch_window.room(outstanding=[], ahead=100, now=2.5) == 0
