"""Scaling of an ECS service with the expressions, alarms and steps of its template."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from lambdas.publish_scaling_metrics.handler import ScalingMetricsSettings
from lambdas.publish_scaling_metrics.scaling_metrics import ScalingMetrics
from stacks.config.capacity import Scaling
from tests.infrastructure.conftest import Synthesize
from tests.infrastructure.metric_math import evaluate
from tests.infrastructure.scaled_service import Figures, ScaledService, rules_of, service_of
from tests.infrastructure.templates import Templates


def queue(waiting: float, in_flight: float = 0) -> Callable[[int, ScaledService], Figures]:
    """Return the figures of an unchanging queue, and the number of tasks that was last measured."""

    def figures(_: int, service: ScaledService) -> Figures:
        return {"waiting": waiting, "in_flight": in_flight, "desired": service.shown()}

    return figures


class Idle:
    """AWS's answers for an idle environment without replicas, and the figures that were written."""

    def __init__(self) -> None:
        self.figures: dict[tuple[str, str, frozenset[tuple[str, str]]], float] = {}

    def get_queue_attributes(self, *, AttributeNames: list[str], **_: str) -> Any:
        return {"Attributes": dict.fromkeys(AttributeNames, "0")}

    def describe_services(self, *, services: list[str], **_: str) -> Any:
        # No event, no task, no datapoint of Container Insights: but ECS knows its services.
        return {"services": [{"serviceName": name, "desiredCount": 0, "runningCount": 0} for name in services]}

    def describe_clusters(self, *, clusters: list[str]) -> Any:
        return {"clusters": [{"clusterName": name, "registeredContainerInstancesCount": 0} for name in clusters]}

    def put_metric_data(self, *, Namespace: str, MetricData: list[Any]) -> None:
        for datum in MetricData:
            dimensions = frozenset((item["Name"], item["Value"]) for item in datum["Dimensions"])
            self.figures[Namespace, datum["MetricName"], dimensions] = datum["Value"]


def test_every_figure_that_scaling_needs_is_there_while_nothing_runs(fleet: Templates) -> None:
    variables = fleet.function("publish_scaling_metrics").properties["Environment"]["Variables"]
    settings = ScalingMetricsSettings.from_environment({name: fleet.flat(value) for name, value in variables.items()})
    aws = Idle()
    ScalingMetrics(
        ecs=aws,
        sqs=aws,
        cloudwatch=aws,
        namespace=settings.powertools_metrics_namespace,
        environment=settings.environment,
        cluster=settings.cluster,
        queues=settings.queues,
        services=settings.services,
        now=lambda: dt.datetime(2026, 11, 27, tzinfo=dt.UTC),
    ).publish()
    read = {
        (metric["Namespace"], metric["MetricName"], frozenset((d["Name"], d["Value"]) for d in metric["Dimensions"]))
        for services in settings.services.values()
        for service in services
        for rule in rules_of(fleet, service)
        for metric in rule.metrics
    }
    assert read
    assert read <= aws.figures.keys()


def test_the_figures_are_written_every_minute(fleet: Templates) -> None:
    rule = fleet.named("MeasureSchedule", "AWS::Events::Rule").properties
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 minute)", "ENABLED")
    (target,) = rule["Targets"]
    assert fleet.flat(target["Arn"]) == f"{fleet.function('publish_scaling_metrics').name}.Arn"


@pytest.mark.parametrize(
    ("waiting", "in_flight", "desired", "missing", "spare"),
    [
        (0, 0, 0, 0, 0),
        (1, 0, 0, 1, -1),
        (100, 0, 0, 25, -25),
        (100, 20, 20, 10, -25),
        (9, 0, 2, 1, -1),
        # Long tasks in flight on five of six replicas: one is spare, although five tasks need but two replicas.
        (0, 5, 6, -4, 1),
        (None, None, None, None, None),
    ],
)
def test_missing_and_spare_replicas(
    ecs: Templates,
    waiting: float | None,
    in_flight: float | None,
    desired: float | None,
    missing: float | None,
    spare: float | None,
) -> None:
    out, in_ = sorted(rules_of(ecs, "sdruntime-spot"), key=lambda rule: rule.steps[0][2], reverse=True)
    figures = {"waiting": waiting, "in_flight": in_flight, "desired": desired}
    assert evaluate(out.expression, figures) == missing
    assert evaluate(in_.expression, figures) == spare


def test_nothing_to_do_starts_nothing(ecs: Templates) -> None:
    service = service_of(ecs, "sdruntime-spot")
    service.run(120, queue(0))
    assert set(service.history) == {0}


@pytest.mark.parametrize(("waiting", "replicas"), [(1, 1), (12, 3), (30, 8)])
def test_a_cold_start_asks_once_for_what_the_queue_needs(ecs: Templates, waiting: int, replicas: int) -> None:
    """Nothing runs for half an hour: no node, a slow pull, a large model."""
    service = service_of(ecs, "sdruntime-spot")
    service.run(1, queue(waiting))
    assert service.desired == replicas
    service.run(30, queue(waiting))
    assert set(service.history[service.lag_minutes :]) == {replicas}


def test_a_burst_gets_all_that_it_needs_and_not_more_than_allowed(ecs: Templates) -> None:
    service = service_of(ecs, "sdruntime-spot")
    service.run(1, queue(1_000))
    assert service.desired == 16
    service.run(6, queue(1_000))
    assert service.desired == 20
    assert max(service.history) <= 20


def test_late_figures_do_not_close_the_same_gap_twice(ecs: Templates) -> None:
    service = service_of(ecs, "sdruntime-spot")
    service.run(60, queue(30))
    assert service.desired == 8
    assert max(service.history) == 8


def test_what_is_spare_goes_after_the_cooldown_down_to_zero(ecs: Templates) -> None:
    service = service_of(ecs, "sdruntime-spot", desired=20)
    service.run(4, queue(0))
    assert service.desired == 20
    service.run(40, queue(0))
    assert service.desired == 0


def test_a_short_lull_takes_nothing_away(ecs: Templates) -> None:
    service = service_of(ecs, "sdruntime-spot", desired=5)

    def figures(minute: int, service: ScaledService) -> Figures:
        # Four minutes of nothing, then a minute of work, again and again.
        return queue(0, 0 if minute % 5 else 5)(minute, service)

    service.run(60, figures)
    assert set(service.history) == {5}


def test_replicas_with_long_tasks_are_not_spare(ecs: Templates) -> None:
    service = service_of(ecs, "sdruntime-spot", desired=5)
    service.run(120, queue(0, 5))
    assert set(service.history) == {5}


def test_without_figures_nothing_is_taken_away(ecs: Templates) -> None:
    service = service_of(ecs, "sdruntime-spot", desired=5)
    none: Figures = dict.fromkeys(("waiting", "in_flight", "desired"))
    service.run(60, lambda minute, service: none)
    assert service.desired == 5


def test_a_rule_stops_when_the_figures_stop(ecs: Templates) -> None:
    service = service_of(ecs, "sdruntime-spot")
    service.run(1, queue(1))
    none: Figures = dict.fromkeys(("waiting", "in_flight", "desired"))
    service.run(60, lambda minute, service: none)
    assert set(service.history[service.lag_minutes :]) == {1}
    for rule in service.rules:
        assert rule.missing_data == "notBreaching"


def test_what_others_have_done_meanwhile_is_asked_for_no_longer(ecs: Templates) -> None:
    """Without spot capacity the substitutes empty the queue, and no request for an idle node must remain."""
    service = service_of(ecs, "sdruntime-spot")
    service.run(10, queue(8))
    assert service.desired == 2
    service.run(10, queue(0))
    assert service.desired == 0


def test_the_least_number_stays(ecs: Templates) -> None:
    service = service_of(ecs, "dynamic-on-demand", desired=3)
    service.run(60, queue(0))
    assert service.desired == 1


@pytest.mark.parametrize("minutes_to_start", [3, 6])
def test_a_morning_of_work_ends_with_all_done_and_nobody_left(ecs: Templates, minutes_to_start: int) -> None:
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
        return {"waiting": waiting, "in_flight": round(running), "desired": service.shown()}

    service.run(120, figures)
    assert waiting == 0
    assert done + running == pytest.approx(200)
    assert service.desired == 0
    # Four a minute of two minutes each are eight replicas' work; what gathers while they start takes some more.
    assert 8 <= max(service.history) <= 20


def test_a_substitute_stands_in_only_for_what_the_first_does_not_get(ecs: Templates) -> None:
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
    service.run(30, first(6, 2))
    # It comes after all.
    service.run(30, first(6, 6))
    assert service.desired == 0


def test_a_substitute_stands_in_when_the_first_gets_nothing_at_all(ecs: Templates) -> None:
    """No spot capacity: nothing of the first service ever runs, which is when the other one is needed most."""
    spot, on_demand = service_of(ecs, "sdruntime-spot"), service_of(ecs, "sdruntime-on-demand")
    for _ in range(40):
        spot.run(1, queue(12))
        on_demand.run(
            1,
            lambda _, service: {"first_desired": spot.shown(), "first_running": 0, "desired": service.shown()},
        )
    assert (spot.desired, on_demand.desired) == (3, 3)
    first = next(index for index, desired in enumerate(on_demand.history) if desired)
    assert 10 <= first - on_demand.lag_minutes <= 13


def test_a_runtime_that_is_switched_off_loses_its_replicas_although_tasks_wait(
    ecs: Templates, synthesize: Synthesize
) -> None:
    off = [
        runtime.model_copy(update={"scaling": Scaling(max_replicas=0, cooldown_seconds=60)})
        for runtime in ecs.environment.runtimes
    ]
    templates = synthesize(ecs.environment.model_copy(update={"name": "off", "runtimes": tuple(off)}))
    for name in ("sdruntime-spot", "sdruntime-on-demand"):
        service = service_of(templates, name)
        # The replicas of the limit before.
        service.maximum, service.desired = 20, 20
        (rule,) = service.rules
        assert evaluate(rule.expression, {"desired": 7}) == 7
        service.run(30, lambda _minute, fleet: {"desired": fleet.desired})
        assert service.desired == 0
