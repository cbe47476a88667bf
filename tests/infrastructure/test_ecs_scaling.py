"""How many replicas an ECS service gets, with the expressions, alarms and steps of its template."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.infrastructure.metric_math import evaluate
from tests.infrastructure.scaled_service import Figures, ScaledService, rules_of, service_of


@pytest.fixture
def ecs(templates_of: Callable[[str], Any]) -> Any:
    return templates_of("ecs")


def queue(
    waiting: float | None, in_flight: float | None = 0, accepted: float | None = None
) -> Callable[[int, ScaledService], Figures]:
    """Return the figures of a queue that stays as it is, beside the number of tasks that CloudWatch shows."""

    def figures(_: int, service: ScaledService) -> Figures:
        return {"waiting": waiting, "in_flight": in_flight, "accepted": accepted, "desired": service.shown()}

    return figures


@pytest.mark.parametrize(
    ("waiting", "in_flight", "accepted", "desired", "missing", "spare"),
    [
        (0, 0, 0, 0, 0, 0),
        (1, 0, 1, 0, 1, -1),
        # The queue's own figures are up to 15 minutes late after a quiet night, and those of the service may be none.
        (None, None, 1, 0, 1, 0),
        (0, 0, 1, None, 1, None),
        (0, 0, 1, 3, -2, 3),
        (100, 0, 0, 0, 25, -25),
        (100, 20, 0, 20, 10, -25),
        (9, 0, None, 2, 1, -1),
        # Long tasks in flight on five of six replicas: one is spare, although five tasks need but two replicas.
        (0, 5, 0, 6, -4, 1),
        (None, None, None, 4, -4, 4),
        (0, 0, 0, None, 0, None),
    ],
)
def test_missing_and_spare_replicas(
    ecs: Any,
    waiting: float | None,
    in_flight: float | None,
    accepted: float | None,
    desired: float | None,
    missing: float,
    spare: float | None,
) -> None:
    out, in_ = sorted(rules_of(ecs, "sdruntime-spot"), key=lambda rule: rule.steps[0][2], reverse=True)
    figures = {"waiting": waiting, "in_flight": in_flight, "accepted": accepted, "desired": desired}
    assert evaluate(out.expression, figures) == missing
    assert evaluate(in_.expression, figures) == spare


def test_nothing_to_do_starts_nothing(ecs: Any) -> None:
    service = service_of(ecs, "sdruntime-spot")
    service.run(120, queue(0))
    service.run(120, queue(None, None))
    assert set(service.history) == {0}


def test_the_first_message_starts_one_replica_within_its_minute(ecs: Any) -> None:
    service = service_of(ecs, "sdruntime-spot")
    service.run(1, queue(None, None, accepted=1))
    assert service.desired == 1
    service.run(30, queue(1))
    assert service.desired == 1


def test_a_burst_gets_all_that_it_needs_and_not_more_than_allowed(ecs: Any) -> None:
    service = service_of(ecs, "sdruntime-spot")
    service.run(1, queue(1_000, accepted=1_000))
    assert service.desired == 16
    service.run(6, queue(1_000))
    assert service.desired == 20
    assert max(service.history) <= 20


def test_late_figures_do_not_close_the_same_gap_twice(ecs: Any) -> None:
    service = service_of(ecs, "sdruntime-spot")
    service.run(60, queue(30))
    assert service.desired == 8
    assert max(service.history) == 8


def test_what_is_spare_goes_after_the_cooldown_down_to_zero(ecs: Any) -> None:
    service = service_of(ecs, "sdruntime-spot", desired=20)
    service.run(4, queue(0))
    assert service.desired == 20
    service.run(40, queue(0))
    assert service.desired == 0


def test_a_short_lull_takes_nothing_away(ecs: Any) -> None:
    service = service_of(ecs, "sdruntime-spot", desired=5)

    def figures(minute: int, service: ScaledService) -> Figures:
        # Four minutes of nothing, then a minute of work, again and again.
        return queue(0, 0 if minute % 5 else 5)(minute, service)

    service.run(60, figures)
    assert set(service.history) == {5}


def test_replicas_with_long_tasks_are_not_spare(ecs: Any) -> None:
    service = service_of(ecs, "sdruntime-spot", desired=5)
    service.run(120, queue(0, 5))
    assert set(service.history) == {5}


def test_without_figures_nothing_is_taken_away(ecs: Any) -> None:
    service = service_of(ecs, "sdruntime-spot", desired=5)
    none: Figures = dict.fromkeys(("waiting", "in_flight", "accepted", "desired"))
    service.run(60, lambda minute, service: none)
    assert service.desired == 5


def test_the_least_number_stays(ecs: Any) -> None:
    service = service_of(ecs, "dynamic-on-demand", desired=3)
    service.run(60, queue(0))
    assert service.desired == 1


@pytest.mark.parametrize("minutes_to_start", [3, 6])
def test_a_morning_of_work_ends_with_all_done_and_nobody_left(ecs: Any, minutes_to_start: int) -> None:
    """200 tasks of two minutes, four a minute; a replica needs a while until it works."""
    service = service_of(ecs, "sdruntime-spot")
    waiting, done, running = 0.0, 0.0, 0.0

    def figures(minute: int, service: ScaledService) -> Figures:
        nonlocal waiting, done, running
        arrived = 4.0 if minute < 52 else 0.0
        ready = min(service.history[-minutes_to_start:]) if len(service.history) > minutes_to_start else 0
        finished = running / 2
        done, running = done + finished, running - finished
        started = min(waiting + arrived, ready - running) if ready > running else 0.0
        waiting, running = waiting + arrived - started, running + started
        return {"waiting": waiting, "in_flight": round(running), "accepted": arrived, "desired": service.shown()}

    service.run(120, figures)
    assert waiting == 0
    assert done + running == pytest.approx(200)
    assert service.desired == 0
    # Four a minute of two minutes each are eight replicas' work; what gathers while they start takes some more.
    assert 8 <= max(service.history) <= 20


def test_a_substitute_stands_in_only_for_what_the_first_does_not_get(ecs: Any) -> None:
    service = service_of(ecs, "sdruntime-on-demand")

    def first(desired: int, running: int) -> Callable[[int, ScaledService], Figures]:
        return lambda _, service: {"first_desired": desired, "first_running": running, "desired": service.shown()}

    # Nodes that start in the usual time need no substitute.
    for _ in range(3):
        service.run(9, first(6, 0))
        service.run(1, first(6, 6))
    assert service.desired == 0
    # No spot capacity for four of six.
    service.run(9, first(6, 2))
    assert service.desired == 0
    service.run(1, first(6, 2))
    assert service.desired == 4
    service.run(30, first(6, 2))
    assert service.desired == 4
    # It comes after all.
    service.run(30, first(6, 6))
    assert service.desired == 0
