"""Called with batches of the intake queue."""

import os
from functools import cache
from typing import Any

from lambdas.clients import client
from lambdas.clock import now_ms
from lambdas.observability import observed
from lambdas.queue_batch import settle_each
from lambdas.route_tasks.routing import TaskRouter
from lambdas.route_tasks.settings import RouteTasksSettings
from lambdas.submission_parts import submission_parts
from lambdas.topic import SnsTopic


@cache
def router() -> TaskRouter:
    """Compose the router of this process."""
    settings = RouteTasksSettings.from_environment(os.environ)
    parts = submission_parts(settings)
    return TaskRouter(
        catalogue=parts.catalogue,
        find_checkpoint=parts.models.find_checkpoint,
        task_bucket=parts.task_bucket,
        tasks=parts.tasks,
        completion_topic=SnsTopic(client=client("sns"), topic_arn=settings.completion_topic_arn),
    )


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Route each message; those that could not be settled come again."""
    return settle_each(event, context, lambda delivery: router().route(delivery, now_ms=now_ms()))
