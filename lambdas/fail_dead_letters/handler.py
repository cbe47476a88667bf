"""Called with batches of every dead-letter queue."""

import os
from functools import cache
from typing import Any

from lambdas.clients import client, dynamodb
from lambdas.clock import now_ms
from lambdas.fail_dead_letters.failing import DeadLetterOffice
from lambdas.fail_dead_letters.settings import FailDeadLettersSettings
from lambdas.observability import observed
from lambdas.queue_batch import settle_each
from lambdas.task_bucket import TaskBucket
from lambdas.task_table import TaskTable
from lambdas.topic import SnsTopic


@cache
def office() -> DeadLetterOffice:
    """Compose the dead-letter office of this process."""
    settings = FailDeadLettersSettings.from_environment(os.environ)
    return DeadLetterOffice(
        table=TaskTable(
            client=dynamodb(), table_name=settings.task_table, retention_seconds=settings.retention_seconds
        ),
        task_bucket=TaskBucket(client=client("s3"), bucket=settings.task_bucket),
        completion_topic=SnsTopic(client=client("sns"), topic_arn=settings.completion_topic_arn),
    )


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Settle each message; those that could not be settled come again."""
    return settle_each(event, context, lambda delivery: office().settle(delivery, now_ms=now_ms()))
