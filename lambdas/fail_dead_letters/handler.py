"""Called with batches of every dead-letter queue."""

import os
from functools import cache
from typing import Any

from lambdas.fail_dead_letters.dead_letter_processor import DeadLetterProcessor
from lambdas.messaging.queue_batch import process_each
from lambdas.messaging.topics import SnsTopic
from lambdas.runtime.clients import client
from lambdas.runtime.observability import observed
from lambdas.tasks.repository import RepositorySettings, task_repository
from task_store.task_bucket import TaskBucket


class FailDeadLettersSettings(RepositorySettings):
    """Where failed tasks are recorded and answered."""

    task_bucket: str
    completion_topic_arn: str


@cache
def processor() -> DeadLetterProcessor:
    """Compose the dead-letter office of this process."""
    settings = FailDeadLettersSettings.from_environment(os.environ)
    return DeadLetterProcessor(
        repository=task_repository(settings),
        task_bucket=TaskBucket(client=client("s3"), bucket=settings.task_bucket),
        completion_topic=SnsTopic(client=client("sns"), topic_arn=settings.completion_topic_arn),
    )


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Settle each message; those that could not be settled come again."""
    return process_each(event, context, lambda delivery: processor().process(delivery))
