"""How far ahead tasks are taken."""

import pytest

from runtime_image.agent.intake.prefetch_window import HORIZON_SECONDS, PrefetchWindow
from tests.unit.runtime_image.agent.tasks import held_task


def pace_of(seconds: float) -> PrefetchWindow:
    pace = PrefetchWindow()
    for number in range(50):
        pace.generated(sent_at=number * seconds, ended_at=(number + 1) * seconds)
    return pace


def test_two_are_taken_while_nothing_is_known() -> None:
    task = held_task()

    assert PrefetchWindow().room(in_flight=[], ahead=0, now=0.0) == 1
    assert PrefetchWindow().room(in_flight=[], ahead=1, now=0.0) == 1
    assert PrefetchWindow().room(in_flight=[task], ahead=0, now=0.0) == 1
    assert not PrefetchWindow().room(in_flight=[task], ahead=1, now=0.0)
    assert not PrefetchWindow().room(in_flight=[], ahead=2, now=0.0)
    assert not PrefetchWindow().room(in_flight=[task], ahead=0, now=HORIZON_SECONDS + 1)


@pytest.mark.parametrize(
    ("seconds", "elapsed", "ahead", "has_room"),
    [(60.0, 10.0, 0, False), (60.0, 58.0, 0, True), (60.0, 90.0, 0, True), (1.0, 0.0, 1, True), (1.0, 0.0, 5, False)],
)
def test_little_is_held_ahead(seconds: float, elapsed: float, ahead: int, *, has_room: bool) -> None:
    task = held_task()
    task.sent_at = 50 * seconds

    room = pace_of(seconds).room(in_flight=[task], ahead=ahead, now=50 * seconds + elapsed)

    assert room == int(has_room)


def test_a_request_that_waited_behind_another_is_not_counted_twice() -> None:
    pace = PrefetchWindow()
    pace.generated(sent_at=0.0, ended_at=10.0)
    pace.generated(sent_at=0.1, ended_at=20.0)
    task = held_task()
    task.sent_at = 20.0

    assert not pace.room(in_flight=[task], ahead=0, now=20.0)
    assert pace.room(in_flight=[task], ahead=0, now=27.5)


def test_a_first_task_tells_by_its_progress_how_long_it_takes() -> None:
    short, long = held_task(), held_task()
    short.sent_at = long.sent_at = 10.0
    pace, slow = PrefetchWindow(), PrefetchWindow()
    pace.foresee(short, 0.01, 10.05)
    assert not pace.is_known

    pace.foresee(short, 0.2, 10.05)
    slow.foresee(long, 0.05, 13.0)

    assert pace.room(in_flight=[short], ahead=0, now=10.06) == 1
    assert slow.room(in_flight=[long], ahead=0, now=13.0) == 0
    assert slow.began_too_early([long], 13.0)
    assert not pace.began_too_early([short], 10.06)
    assert slow.room(in_flight=[long], ahead=0, now=68.0) == 1


def test_several_are_received_at_a_time_if_they_are_short() -> None:
    pace = pace_of(0.05)

    assert pace.room(in_flight=[], ahead=0, now=2.5) == 4
    assert pace.room(in_flight=[], ahead=100, now=2.5) == 0
