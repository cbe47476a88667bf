"""Handler of the schedule of the scaling metrics, once a minute."""

import datetime as dt
import os
from functools import cache
from typing import Any

from pydantic import Json

from contract.settings import Settings
from lambdas.publish_scaling_metrics.scaling_metrics import ScalingMetrics
from lambdas.runtime.clients import client
from lambdas.runtime.observability import observed


class ScalingMetricsSettings(Settings):
    """Queues and services to measure, and the namespace of the metrics."""

    environment: str
    cluster: str
    #: URL of the queue by runtime.
    queues: Json[dict[str, str]]
    #: Names of the services by runtime.
    services: Json[dict[str, tuple[str, ...]]]
    powertools_metrics_namespace: str


@cache
def scaling_metrics() -> ScalingMetrics:
    """Compose the metrics of this process."""
    settings = ScalingMetricsSettings.from_environment(os.environ)
    return ScalingMetrics(
        ecs=client("ecs"),
        sqs=client("sqs"),
        cloudwatch=client("cloudwatch"),
        namespace=settings.powertools_metrics_namespace,
        environment=settings.environment,
        cluster=settings.cluster,
        queues=settings.queues,
        services=settings.services,
        now=lambda: dt.datetime.now(dt.UTC),
    )


@observed
def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda passes event and context
    """Publish this minute's metrics."""
    scaling_metrics().publish()
