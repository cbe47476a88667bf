"""Called once a minute."""

import datetime as dt
import os
from functools import cache
from typing import Any

from lambdas.clients import client
from lambdas.measure_fleet.measuring import Measurement
from lambdas.measure_fleet.settings import MeasureFleetSettings
from lambdas.observability import observed


@cache
def measurement() -> Measurement:
    """Compose the measurement of this process."""
    settings = MeasureFleetSettings.from_environment(os.environ)
    return Measurement(
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
    """Write this minute's figures."""
    measurement().run()
