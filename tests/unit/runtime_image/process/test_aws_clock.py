"""Times that a replica with a wrong clock writes: those of AWS, by the dates of its answers."""

from email.utils import formatdate

import pytest

from runtime_image.process.clock import AwsClock, Clock

TRUE_SECONDS = 1_700_000_000


class WrongClock(AwsClock):
    """An AWS clock on a machine with a wrong time."""

    seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> WrongClock:
    skew_seconds: float = request.param
    clock = WrongClock()
    started_at_ms = int((TRUE_SECONDS + skew_seconds) * 1000)
    monkeypatch.setattr(Clock, "now_ms", lambda self: started_at_ms + int((self.monotonic() - 1000.0) * 1000))
    return clock


@pytest.mark.parametrize("clock", [-299, -240, -3, 3, 240, 299], indirect=True)
def test_a_wrong_clock_is_corrected(clock: WrongClock) -> None:
    clock.answered(formatdate(TRUE_SECONDS, usegmt=True))
    clock.seconds += 60
    assert clock.now_ms() == (TRUE_SECONDS + 60) * 1000


@pytest.mark.parametrize("clock", [-1.5, -0.2, 0, 0.2, 1.5], indirect=True)
def test_a_clock_that_may_be_right_is_believed(clock: WrongClock) -> None:
    before_ms = clock.now_ms()
    clock.answered(formatdate(TRUE_SECONDS, usegmt=True))
    assert clock.now_ms() == before_ms


@pytest.mark.parametrize("clock", [-240], indirect=True)
def test_a_slow_answer_does_not_set_the_clock_back(clock: WrongClock) -> None:
    clock.answered(formatdate(TRUE_SECONDS, usegmt=True))
    clock.seconds += 5
    clock.answered(formatdate(TRUE_SECONDS, usegmt=True))
    assert clock.now_ms() == (TRUE_SECONDS + 5) * 1000


@pytest.mark.parametrize("clock", [-240], indirect=True)
@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Nov 2023 99:99:99 GMT"])
def test_an_answer_without_a_date_changes_nothing(clock: WrongClock, date: str) -> None:
    clock.answered(date)
    assert clock.skew_seconds == 0
    assert clock.now_ms() == (TRUE_SECONDS - 240) * 1000


@pytest.mark.parametrize("clock", [-240], indirect=True)
def test_a_clock_that_is_set_right_is_noticed_at_once(clock: WrongClock, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.answered(formatdate(TRUE_SECONDS, usegmt=True))
    monkeypatch.setattr(Clock, "now_ms", lambda _: TRUE_SECONDS * 1000)
    assert clock.now_ms() == TRUE_SECONDS * 1000
