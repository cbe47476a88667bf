"""Scaling metrics of ECS: measured with AWS's own interfaces, and written in one call."""

import datetime as dt
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from lambdas.publish_scaling_metrics import handler
from lambdas.publish_scaling_metrics.scaling_metrics import MetricsMissing, ScalingMetrics
from tests.unit.lambdas.harness import client

CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=1024, invoked_function_arn="arn", aws_request_id="r", function_version="1"
)
NOW = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)


class FakeCloudWatch:
    """CloudWatch that records what was written."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def put_metric_data(self, **call: Any) -> None:
        self.calls.append(call)

    @property
    def values(self) -> dict[tuple[str, str], float]:
        """Value by metric and by the name of its runtime, service or environment."""
        (call,) = self.calls
        return {(item["MetricName"], item["Dimensions"][-1]["Value"]): item["Value"] for item in call["MetricData"]}


@pytest.fixture
def queue_url() -> Iterator[str]:
    """A queue of three messages, one of them in flight, and a cluster with twelve services of which none runs."""
    with mock_aws():
        sqs, ecs = client("sqs"), client("ecs")
        url = sqs.create_queue(QueueName="sdxl")["QueueUrl"]
        for _ in range(3):
            sqs.send_message(QueueUrl=url, MessageBody="task")
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)
        ecs.create_cluster(clusterName="fleet")
        container = {"name": "runtime", "image": "image", "memory": 128}
        ecs.register_task_definition(family="sdxl", containerDefinitions=[container])
        for number in range(12):
            ecs.create_service(
                cluster="fleet", serviceName=f"sdxl-{number}", taskDefinition="sdxl", desiredCount=number
            )
        yield url


def scaling_metrics(
    cloudwatch: FakeCloudWatch, *, queues: dict[str, str], services: dict[str, tuple[str, ...]]
) -> ScalingMetrics:
    return ScalingMetrics(
        ecs=client("ecs"),
        sqs=client("sqs"),
        cloudwatch=cloudwatch,
        namespace="Darkroom",
        environment="prod",
        cluster="fleet",
        queues=queues,
        services=services,
        now=lambda: NOW,
    )


def test_queues_and_services_are_measured_in_one_moment(queue_url: str) -> None:
    written = FakeCloudWatch()
    services = tuple(f"sdxl-{number}" for number in range(12))
    scaling_metrics(written, queues={"sdxl": queue_url}, services={"sdxl": services}).publish()
    values = written.values
    assert values["MessagesWaiting", "sdxl"] == 2
    assert values["MessagesInFlight", "sdxl"] == 1
    assert [values["ReplicasDesired", name] for name in services] == list(range(12))
    assert ("ReplicasRunning", "sdxl-11") in values
    (call,) = written.calls
    assert call["Namespace"] == "Darkroom"
    assert {item["Timestamp"] for item in call["MetricData"]} == {NOW}
    assert {item["Dimensions"][0]["Value"] for item in call["MetricData"]} == {"prod"}


def test_a_runtime_whose_queue_cannot_be_measured_writes_nothing(queue_url: str) -> None:
    # CloudWatch computes with 0 where a metric is missing: the queue would look empty, and its replicas spare.
    written = FakeCloudWatch()
    queues = {"gone": queue_url.replace("sdxl", "gone"), "sdxl": queue_url}
    services = {"gone": ("sdxl-4", "sdxl-5"), "sdxl": ("sdxl-3",)}
    with pytest.raises(MetricsMissing, match=r"^queue of gone$"):
        scaling_metrics(written, queues=queues, services=services).publish()
    assert {name for _, name in written.values} == {"prod", "sdxl", "sdxl-3"}


def test_a_service_that_is_gone_is_named_and_hides_the_metrics_of_its_runtime_alone(queue_url: str) -> None:
    written = FakeCloudWatch()
    queues = {"sdxl": queue_url, "other": queue_url}
    with pytest.raises(MetricsMissing, match=r"^gone$"):
        scaling_metrics(written, queues=queues, services={"sdxl": ("sdxl-3",), "other": ("gone", "sdxl-4")}).publish()
    assert {name for _, name in written.values} == {"prod", "sdxl", "sdxl-3"}


def test_nodes_are_counted_also_while_there_are_none(queue_url: str) -> None:
    written = FakeCloudWatch()
    scaling_metrics(written, queues={"sdxl": queue_url}, services={"sdxl": ()}).publish()
    assert written.values["Nodes", "prod"] == 0


def test_the_handler_writes_to_cloudwatch(queue_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "client", client)
    monkeypatch.setenv("CLUSTER", "fleet")
    monkeypatch.setenv("QUEUES", json.dumps({"sdxl": queue_url}))
    monkeypatch.setenv("SERVICES", json.dumps({"sdxl": ["sdxl-3"]}))
    try:
        handler.handler({"source": "aws.events", "detail-type": "Scheduled Event"}, CONTEXT)
    finally:
        handler.scaling_metrics.cache_clear()
    metrics = client("cloudwatch").list_metrics(Namespace="Darkroom")["Metrics"]
    assert {metric["MetricName"] for metric in metrics} == {
        "MessagesWaiting",
        "MessagesInFlight",
        "ReplicasDesired",
        "ReplicasRunning",
        "Nodes",
    }
