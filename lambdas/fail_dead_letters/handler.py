"""Handler of batches from every dead-letter queue."""

import os
from functools import cache
from typing import Any

from pydantic import Json

from contract.tenancy import Tenancy
from lambdas.fail_dead_letters.dead_letter_processor import DeadLetterProcessor
from lambdas.messaging.queue_batch import process_each
from lambdas.messaging.topics import SnsTopic
from lambdas.runtime.clients import client
from lambdas.runtime.observability import observed
from lambdas.tasks.repository import RepositorySettings, task_repository
from task_store.task_bucket import TaskBucket


class FailDeadLettersSettings(RepositorySettings):
    """Places where failed tasks are recorded and answered."""

    task_bucket: str
    tenancy: Json[Tenancy]
    completion_topic_arn: str


@cache
def processor() -> DeadLetterProcessor:
    """Compose the processor of this process."""
    settings = FailDeadLettersSettings.from_environment(os.environ)
    return DeadLetterProcessor(
        repository=task_repository(settings),
        task_bucket=TaskBucket(client=client("s3"), bucket=settings.task_bucket),
        tenancy=settings.tenancy,
        completion_topic=SnsTopic(client=client("sns"), topic_arn=settings.completion_topic_arn),
    )


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Process each message; the queue delivers failed ones again."""
    return process_each(event, context, lambda delivery: processor().process(delivery))
