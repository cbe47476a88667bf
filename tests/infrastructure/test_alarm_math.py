"""Expressions of the alarms in the template, evaluated on figures of good and bad days."""

import pytest

from tests.infrastructure.metric_math import evaluate
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
    "an empty dead-letter queue": ("dead-letters", {"waiting": 0, "in_flight": 0}, False),
}


@pytest.mark.parametrize("case", CASES)
def test_an_alarm_knows_a_bad_day(ecs: Templates, case: str) -> None:
    runbook, figures, is_bad = CASES[case]
    alarms = [
        alarm.properties
        for alarm in ecs.resources("AWS::CloudWatch::Alarm")
        if alarm.properties.get("AlarmName", "").endswith(f"/{runbook}")
    ]
    assert alarms
    for alarm in alarms:
        (expression,) = [item["Expression"] for item in alarm["Metrics"] if "Expression" in item]
        value = evaluate(expression, figures)
        # The alarm treats missing data as healthy.
        assert (value is not None and value >= alarm["Threshold"]) == is_bad
