"""Logs, metrics and traces of the functions, with Powertools and its POWERTOOLS_ variables."""

import os
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from contract.settings import Settings

Handler = Callable[[Any, Any], Any]


class ObservabilitySettings(Settings):
    """Settings of every function."""

    environment: str


@cache
def logger() -> Logger:
    """Return the logger of this process; a line is an event name plus fields."""
    return Logger()


def count(name: str, value: int = 1, **dimensions: str) -> None:
    """Count an event as an embedded metric of the log. The environment is a dimension, so environments never mix."""
    with single_metric(name=name, unit=MetricUnit.Count, value=value) as metric:
        # The log names the function. A dimension would split one metric by function.
        metric.service = ""
        for dimension, dimension_value in {"environment": _environment(), **dimensions}.items():
            metric.add_dimension(dimension, dimension_value)


def observed(handler: Handler) -> Handler:
    """Add the request's fields to every log line of a handler, and a trace if tracing is on."""

    @cache
    def instrumented() -> Handler:
        from aws_lambda_powertools import Tracer  # noqa: PLC0415 - the import waits for the first event

        # Responses may hold presigned links, which must stay out of traces.
        traced = Tracer().capture_lambda_handler(handler, capture_response=False)
        wrapped: Handler = logger().inject_lambda_context(traced, clear_state=True)
        return wrapped

    @wraps(handler)
    def run(event: Any, context: Any) -> Any:
        return instrumented()(event, context)

    return run


@cache
def _environment() -> str:
    return ObservabilitySettings.from_environment(os.environ).environment
