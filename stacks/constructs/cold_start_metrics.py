"""Each part of a cold start as a metric of its own, taken from what replicas log when they start.

A replica waits for a node, for the image, for the models and for the Web UI, and then for its first task's end.
"""

from collections.abc import Collection
from typing import Final

from aws_cdk import aws_cloudwatch, aws_logs
from constructs import Construct

from stacks.constructs.figures import namespace_from_logs

#: Metric by the event and the field that hold its seconds.
_PARTS: Final = {
    "NodeSeconds": ("replica_placed", "node_seconds"),
    "PullSeconds": ("replica_placed", "pull_seconds"),
    "ModelSeconds": ("models_fetched", "seconds"),
    "WebUiSeconds": ("webui_prepared", "answered_after_seconds"),
    "ReadySeconds": ("webui_prepared", "ready_after_seconds"),
    "FirstTaskSeconds": ("first_task_completed", "seconds"),
}


class ColdStartMetrics(Construct):
    """Metrics in the namespace `Darkroom/{environment}`, but those that the engine does not tell its replicas."""

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
        for metric, (event, field) in _PARTS.items():
            if metric in without:
                continue
            aws_logs.MetricFilter(
                self,
                metric,
                log_group=log_group,
                filter_pattern=aws_logs.FilterPattern.all(
                    aws_logs.FilterPattern.string_value("$.event", "=", event),
                    aws_logs.FilterPattern.number_value(f"$.{field}", ">=", 0),
                ),
                metric_namespace=namespace_from_logs(environment_name),
                metric_name=metric,
                metric_value=f"$.{field}",
                unit=aws_cloudwatch.Unit.SECONDS,
            )
