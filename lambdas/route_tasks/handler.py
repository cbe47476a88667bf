"""Handler of batches from the intake queue."""

import os
from functools import cache
from typing import Any

from lambdas.messaging.queue_batch import process_each
from lambdas.messaging.topics import SnsTopic
from lambdas.route_tasks.task_router import TaskRouter
from lambdas.runtime.clients import client
from lambdas.runtime.observability import observed
from lambdas.tasks.composition import SubmissionSettings, compose_tasks


class RouteTasksSettings(SubmissionSettings):
    """Settings of a submission, and the topic of rejections."""

    completion_topic_arn: str


@cache
def router() -> TaskRouter:
    """Compose the router of this process."""
    settings = RouteTasksSettings.from_environment(os.environ)
    tasks = compose_tasks(settings, is_redelivered=True)
    return TaskRouter(
        task_bucket=tasks.task_bucket,
        submission=tasks.submission,
        tenancy=settings.tenancy,
        completion_topic=SnsTopic(client=client("sns"), topic_arn=settings.completion_topic_arn),
    )


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Route each message; the queue delivers failed ones again."""
    return process_each(event, context, lambda delivery: router().route(delivery))
