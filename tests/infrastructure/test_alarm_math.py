"""Expressions of the alarms in the template, evaluated on figures of good and bad days."""

import math
from typing import Any

import pytest

from tests.infrastructure.metric_math import evaluate, is_alarm
from tests.infrastructure.templates import Templates

#: Runbook, figures, and whether one such period counts towards the alarm.
CASES: dict[str, tuple[str, dict[str, float | None], bool]] = {
    "all is well": ("failures", {"completed": 50, "failed": 2, "cancelled": None, "timed_out": None}, False),
    "a fifth fails": ("failures", {"completed": 8, "failed": 1, "cancelled": 0, "timed_out": 1}, True),
    "one failure at night": ("failures", {"completed": None, "failed": 1, "cancelled": None, "timed_out": None}, False),
    "nothing ends": ("failures", dict.fromkeys(("completed", "failed", "cancelled", "timed_out")), False),
    "all are cancelled": ("failures", {"completed": None, "failed": None, "cancelled": 9, "timed_out": None}, False),
    "waiting, and nobody there": ("no-replica", {"waiting": 3, "replicas": None}, True),
    "waiting, and somebody there": ("no-replica", {"waiting": 3, "replicas": 1}, False),
    "nothing waits": ("no-replica", {"waiting": 0, "replicas": None}, False),
    "a queue that is not measured": ("no-replica", {"waiting": None, "replicas": None}, False),
    "half are not ready": ("unready-replicas", {"replicas": 4, "ready": 2}, True),
    "one of four is not ready": ("unready-replicas", {"replicas": 4, "ready": 3}, False),
    "none is ready": ("unready-replicas", {"replicas": 1, "ready": None}, True),
    "there are none": ("unready-replicas", {"replicas": None, "ready": None}, False),
    # Ten replicas report fifty times in five minutes.
    "a hiccup in a fleet": ("failing-webuis", {"failures": 3, "released": 3, "replicas": 50}, False),
    "a fleet that fails": ("failing-webuis", {"failures": 12, "released": 12, "replicas": 50}, True),
    "agents that die before they report": (
        "failing-webuis",
        {"failures": None, "released": 3, "replicas": None},
        True,
    ),
    "a quiet fleet": ("failing-webuis", {"failures": 0, "released": None, "replicas": 5}, False),
    "something lies there": ("dead-letters", {"waiting": 1, "in_flight": None}, True),
    "something is being tried": ("dead-letters", {"waiting": 0, "in_flight": 1}, True),
    "a function that fails": ("function-errors", {"errors": 1, "throttles": None}, True),
    "a function that Lambda throttles": ("function-errors", {"errors": None, "throttles": 2}, True),
    "a function that is not called": ("function-errors", {"errors": None, "throttles": None}, False),
    "nodes without a replica": ("idle-gpus", {"nodes": 2, "busy": None}, True),
    "nodes whose replicas do nothing": ("idle-gpus", {"nodes": 2, "busy": 0}, True),
    "one of the GPUs works": ("idle-gpus", {"nodes": 2, "busy": 0.3}, False),
    "no nodes": ("idle-gpus", {"nodes": 0, "busy": None}, False),
    "a table that DynamoDB throttles": (
        "throttled-table",
        {"putitem": None, "updateitem": 3, "getitem": None, "batchgetitem": None, "query": None},
        True,
    ),
    "nothing is throttled": (
        "throttled-table",
        dict.fromkeys(("putitem", "updateitem", "getitem", "batchgetitem", "query")),
        False,
    ),
    "an empty dead-letter queue": ("dead-letters", {"waiting": 0, "in_flight": 0}, False),
}


#: Seconds until CloudWatch has the data of a minute. Lambda and SQS write them about a minute late.
DELAY_SECONDS = 120


def alarms_with(templates: Templates, runbook: str) -> list[dict[str, Any]]:
    """The alarms of a runbook."""
    alarms = [
        alarm.properties
        for alarm in templates.resources("AWS::CloudWatch::Alarm")
        if alarm.properties.get("AlarmName", "").endswith(f"/{runbook}")
    ]
    assert alarms
    return alarms


def expression_of(alarm: dict[str, Any]) -> str:
    (expression,) = [item["Expression"] for item in alarm["Metrics"] if "Expression" in item]
    return str(expression)


def period_of(alarm: dict[str, Any]) -> int:
    (period,) = {item["MetricStat"]["Period"] for item in alarm["Metrics"] if "MetricStat" in item}
    return int(period)


@pytest.mark.parametrize("case", CASES)
def test_an_alarm_knows_a_bad_day(ecs: Templates, case: str) -> None:
    runbook, figures, is_bad = CASES[case]
    for alarm in alarms_with(ecs, runbook):
        value = evaluate(expression_of(alarm), figures)
        # The alarm treats missing data as healthy.
        assert (value is not None and value >= alarm["Threshold"]) == is_bad


@pytest.mark.parametrize("case", [case for case, (_, _, is_bad) in CASES.items() if is_bad])
def test_an_alarm_goes_off_while_the_newest_data_are_on_their_way(ecs: Templates, case: str) -> None:
    runbook, figures, _ = CASES[case]
    nothing = dict.fromkeys(figures)
    for alarm in alarms_with(ecs, runbook):
        bad, missing = evaluate(expression_of(alarm), figures), evaluate(expression_of(alarm), nothing)
        minutes = alarm["DatapointsToAlarm"]
        late = math.ceil(DELAY_SECONDS / period_of(alarm))
        before = [0.0] * 5
        assert is_alarm(alarm, [*before, *[bad] * minutes, *[missing] * late])
        assert not is_alarm(alarm, [*before, *[bad] * (minutes - 1), *[missing] * late])


def test_busy_nodes_and_those_that_the_file_keeps_are_not_idle(everything: Templates) -> None:
    (alarm,) = alarms_with(everything, "idle-gpus")
    kept = sum(runtime.scaling.min_replicas for runtime in everything.environment.runtimes)
    assert evaluate(expression_of(alarm), {"nodes": kept, "busy": 0}) == 0
    assert evaluate(expression_of(alarm), {"nodes": kept + 1, "busy": None}) == 1
    # A spare replica stays for the cooldown.
    cooldown = max(runtime.scaling.cooldown_seconds for runtime in everything.environment.runtimes)
    assert alarm["DatapointsToAlarm"] >= 30 + cooldown / 60
