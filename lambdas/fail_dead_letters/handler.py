"""Called with batches of every dead-letter queue."""

import os
from functools import cache
from typing import Any

from lambdas.clients import client
from lambdas.fail_dead_letters.failing import DeadLetterOffice
from lambdas.fail_dead_letters.settings import FailDeadLettersSettings
from lambdas.observability import observed
from lambdas.queue_batch import settle_each
from lambdas.tasks.repository import task_repository
from lambdas.topic import SnsTopic
from task_store.task_bucket import TaskBucket


@cache
def office() -> DeadLetterOffice:
    """Compose the dead-letter office of this process."""
    settings = FailDeadLettersSettings.from_environment(os.environ)
    return DeadLetterOffice(
        repository=task_repository(settings),
        task_bucket=TaskBucket(client=client("s3"), bucket=settings.task_bucket),
        completion_topic=SnsTopic(client=client("sns"), topic_arn=settings.completion_topic_arn),
    )


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Settle each message; those that could not be settled come again."""
    return settle_each(event, context, lambda delivery: office().settle(delivery))
