"""Metrics of an environment, extracted from the logs of its replicas: parts of a cold start, and work of the GPUs."""

from collections.abc import Collection

from aws_cdk import aws_cloudwatch, aws_logs
from constructs import Construct

from contract.cold_start import COLD_START_PARTS, log_metrics_namespace
from stacks.constructs.monitoring.metrics import BUSY_METRIC


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
        for name, event, field, _ in COLD_START_PARTS:
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
