"""Metrics of an environment, extracted from the logs of its replicas: parts of a cold start, and work of the GPUs.

A replica waits for a node, the image, the models and the Web UI, and then for the end of its first task.
"""

from collections.abc import Collection
from typing import Final

from aws_cdk import aws_cloudwatch, aws_logs
from constructs import Construct

from stacks.constructs.monitoring.metrics import BUSY_METRIC, log_metrics_namespace

#: Event and field with the seconds of each metric.
_PARTS: Final = {
    "NodeSeconds": ("replica_placed", "node_seconds"),
    "PullSeconds": ("replica_placed", "pull_seconds"),
    "ModelSeconds": ("models_fetched", "seconds"),
    "WebUiSeconds": ("webui_prepared", "answered_after_seconds"),
    "ReadySeconds": ("webui_prepared", "ready_after_seconds"),
    "FirstTaskSeconds": ("first_task_completed", "seconds"),
}


class ColdStartMetrics(Construct):
    """Metrics in the namespace `Darkroom/{environment}`, `without` those that the engine does not report."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        log_group: aws_logs.ILogGroup,
        environment_name: str,
        without: Collection[str] = (),
    ) -> None:
        super().__init__(scope, id_)
        for name, (event, field) in _PARTS.items():
            if name in without:
                continue
            aws_logs.MetricFilter(
                self,
                name,
                log_group=log_group,
                filter_pattern=aws_logs.FilterPattern.all(
                    aws_logs.FilterPattern.string_value("$.event", "=", event),
                    aws_logs.FilterPattern.number_value(f"$.{field}", ">=", 0),
                ),
                metric_namespace=log_metrics_namespace(environment_name),
                metric_name=name,
                metric_value=f"$.{field}",
                unit=aws_cloudwatch.Unit.SECONDS,
            )
        # The agents' own metric has the runtime as a dimension, and an alarm reads ten metrics at most.
        share = f"$.{BUSY_METRIC}[0]"
        aws_logs.MetricFilter(
            self,
            BUSY_METRIC,
            log_group=log_group,
            filter_pattern=aws_logs.FilterPattern.number_value(share, ">=", 0),
            metric_namespace=log_metrics_namespace(environment_name),
            metric_name=BUSY_METRIC,
            metric_value=share,
        )
