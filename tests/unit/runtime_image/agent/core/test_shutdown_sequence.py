"""Deadlines of a stop: first the running tasks are interrupted, then the process exits."""

import pytest

from runtime_image.agent.core.shutdown_sequence import ShutdownSequence
from runtime_image.process.exit_codes import ExitCode


def is_between(stop: ShutdownSequence, *, interrupt_at: float, exit_at: float) -> bool:
    """Return True if these are the seconds of the interrupts and of the exit."""
    before, after = interrupt_at - 0.1, exit_at - 0.1
    interrupts = [stop.must_interrupt(now) for now in (before, interrupt_at)]
    exits = [stop.is_grace_over(now) for now in (after, exit_at)]
    return interrupts == exits == [False, True]


@pytest.mark.parametrize(("grace_period_seconds", "interrupt_at", "exit_at"), [(60, 155, 160), (8, 106, 108)])
def test_a_stop_keeps_the_end_of_its_grace_period_for_releases(
    grace_period_seconds: float, interrupt_at: float, exit_at: float
) -> None:
    stop = ShutdownSequence(grace_period_seconds=grace_period_seconds)
    assert not stop.must_interrupt(1e9)
    assert not stop.is_grace_over(1e9)

    stop.signal(now=100)
    assert [stop.is_last_poll_over(now) for now in (101.6, 101.7)] == [False, True]
    assert is_between(stop, interrupt_at=interrupt_at, exit_at=exit_at)

    # A later reason to stop changes neither the exit code nor gives more time.
    stop.request(ExitCode.CLOCK_WRONG, now=104)
    stop.drain(now=104)
    assert stop.exit_code is ExitCode.STOPPED
    assert stop.is_last_poll_over(101.7)
    assert is_between(stop, interrupt_at=interrupt_at, exit_at=exit_at)


def test_a_second_signal_leaves_time_for_releases_only() -> None:
    stop = ShutdownSequence(grace_period_seconds=60)
    stop.signal(now=100)
    stop.signal(now=110)
    assert is_between(stop, interrupt_at=110, exit_at=115)


def test_a_drain_waits_for_running_tasks_until_a_signal() -> None:
    stop = ShutdownSequence(grace_period_seconds=60)
    stop.drain(now=100)
    assert not stop.must_interrupt(1e9)
    assert not stop.is_grace_over(1e9)

    stop.signal(now=200)
    assert is_between(stop, interrupt_at=255, exit_at=260)
