"""Reports to the orchestrator, and the notice of the machine's end."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_image.agent.core.events import Event, MachineUnfit
from runtime_image.agent.orchestrator.orchestrator import Orchestrator, OrchestratorRefused
from runtime_image.agent.orchestrator.scale_in_protection import (
    CHECK_SECONDS,
    IDLE_SECONDS,
    PROTECTED_SECONDS,
    RETRY_SECONDS,
    UNPROTECTED_SECONDS,
    ScaleInProtection,
)
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import EventLog
from tests.harness.still_clock import StillClock
from tests.unit.runtime_image.agent.fakes import FakeOrchestrator


class Harness:
    def __init__(self, renew_seconds: float | None = None) -> None:
        self.orchestrator, self.clock = FakeOrchestrator(renew_seconds=renew_seconds), StillClock()
        self.posted: list[Event] = []
        self.scale_in_protection = ScaleInProtection(
            orchestrator=self.orchestrator,
            clock=self.clock,
            log=EventLog(logging.getLogger("test")),
            post=self.posted.append,
        )

    def advance(self, seconds: float = 0.0) -> list[bool]:
        """Let time pass; return the reports of that time."""
        before = len(self.orchestrator.reported)
        self.clock.seconds += seconds
        self.scale_in_protection.check(self.clock.seconds)
        return self.orchestrator.reported[before:]


def test_busy_is_told_at_once_and_idle_only_after_a_while() -> None:
    ground = Harness()
    assert ground.advance() == [False]
    ground.scale_in_protection.set_busy(busy=True)
    assert ground.advance() == [True]
    ground.scale_in_protection.set_busy(busy=False)
    assert ground.advance(IDLE_SECONDS - 0.1) == []
    ground.scale_in_protection.set_busy(busy=True)
    ground.scale_in_protection.set_busy(busy=False)
    assert ground.advance(IDLE_SECONDS - 0.1) == []
    assert ground.advance(0.2) == [False]
    assert ground.advance(1000) == []


def test_what_expires_is_renewed_while_busy_only() -> None:
    ground = Harness(renew_seconds=200)
    ground.scale_in_protection.set_busy(busy=True)
    assert ground.advance() == [True]
    assert ground.advance(199) == []
    assert ground.advance(1) == [True]
    ground.scale_in_protection.set_busy(busy=False)
    assert ground.advance(IDLE_SECONDS) == [False]
    assert ground.advance(1000) == []


def test_a_replica_that_is_never_idle_gives_a_deployment_its_turn() -> None:
    ground = Harness(renew_seconds=200)
    ground.scale_in_protection.set_busy(busy=True)
    reports = [(minute, report) for minute in range(66) for report in ground.advance(60)]
    released = [minute for minute, report in reports if not report]
    assert released == [PROTECTED_SECONDS / 60, PROTECTED_SECONDS / 60 * 2 + UNPROTECTED_SECONDS / 60]
    # For so long it stays unprotected, and then it is protected again.
    after = next(minute for minute, report in reports if report and minute > released[0])
    assert after == released[0] + UNPROTECTED_SECONDS / 60


def test_where_nothing_expires_a_busy_replica_is_never_told_to_be_idle() -> None:
    ground = Harness()
    ground.scale_in_protection.set_busy(busy=True)
    assert [report for _ in range(200) for report in ground.advance(60)] == [True]


def test_what_was_refused_is_told_again() -> None:
    ground = Harness()
    ground.scale_in_protection.set_busy(busy=True)
    ground.orchestrator.problems = [OrchestratorRefused("503")] * 2
    assert ground.advance() == []
    assert ground.advance(RETRY_SECONDS / 2) == []
    assert ground.advance(RETRY_SECONDS / 2) == []
    assert ground.advance(RETRY_SECONDS) == [True]


def test_a_mistake_of_ours_is_told_again_too_and_the_machines_end_is_looked_for_all_the_same() -> None:
    ground = Harness()
    ground.orchestrator.problems = [TypeError("a mistake of ours")]
    ground.orchestrator.ending = True

    assert ground.advance() == []
    assert ground.posted == [MachineUnfit(ExitCode.STOPPED)]
    assert ground.advance(RETRY_SECONDS) == [False]


def test_a_look_that_fails_by_a_mistake_of_ours_is_repeated() -> None:
    ground = Harness()
    ground.orchestrator.check_problems = [TypeError("a mistake of ours")]
    ground.orchestrator.ending = True

    ground.advance()
    assert ground.posted == []
    ground.advance(CHECK_SECONDS)
    assert ground.posted == [MachineUnfit(ExitCode.STOPPED)]


def test_the_machines_end_is_reported_once() -> None:
    ground = Harness()
    ground.advance(CHECK_SECONDS)
    assert ground.posted == []
    ground.orchestrator.ending = True
    ground.advance(CHECK_SECONDS)
    ground.advance(CHECK_SECONDS)
    assert ground.posted == [MachineUnfit(ExitCode.STOPPED)]


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 20)), max_size=40))
def test_the_orchestrator_always_ends_up_with_the_truth(steps: list[tuple[bool, bool, float]]) -> None:
    ground = Harness()
    for busy, refused, seconds in steps:
        ground.scale_in_protection.set_busy(busy=busy)
        ground.orchestrator.problems = [OrchestratorRefused("no")] if refused else []
        ground.advance(seconds)
        if ground.scale_in_protection._busy and not refused and seconds >= RETRY_SECONDS:
            assert ground.orchestrator.reported[-1] is True, "a working replica counts as idle"
    ground.orchestrator.problems = []
    ground.advance(IDLE_SECONDS + RETRY_SECONDS)
    assert ground.orchestrator.reported[-1] is (steps[-1][0] if steps else False)


@pytest.mark.parametrize("busy", [True, False])
def test_without_an_orchestrator_nothing_happens(*, busy: bool) -> None:
    nobody = Orchestrator()
    nobody.report(busy=busy)
    assert nobody.is_ending() is False


def test_each_part_of_the_replicas_start_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    ground = Harness()
    caplog.set_level(logging.INFO, logger="test")

    def said(placement: dict[str, float], *, busy: bool) -> list[str]:
        caplog.clear()
        ground.orchestrator.placement = placement
        ground.scale_in_protection.set_busy(busy=busy)
        ground.advance(IDLE_SECONDS)
        return [repr(record.__dict__) for record in caplog.records]

    (first,) = said({"node_seconds": 90}, busy=False)
    assert "replica_placed" in first
    assert "'node_seconds': 90" in first
    (second,) = said({"node_seconds": 90, "pull_seconds": 45}, busy=True)
    assert "'pull_seconds': 45" in second
    assert "node_seconds" not in second
    assert said({"node_seconds": 90, "pull_seconds": 45}, busy=False) == []
