"""Handler of the queue of batches."""

import os
from functools import cache
from typing import Any

from lambdas.advance_batches.batch_worker import BatchWorker
from lambdas.messaging.queue_batch import process_each
from lambdas.messaging.queues import SqsQueue
from lambdas.messaging.stream_batch import STOP_BEFORE_END_MS
from lambdas.runtime.clients import client
from lambdas.runtime.observability import observed
from lambdas.tasks.batch_tasks import BatchTasks
from lambdas.tasks.composition import SubmissionSettings, compose_tasks
from lambdas.tasks.repository import batch_repository


class AdvanceBatchesSettings(SubmissionSettings):
    """Settings of a submission, and the queue of batches."""

    batch_queue_url: str


@cache
def worker() -> BatchWorker:
    """Compose the worker of this process."""
    settings = AdvanceBatchesSettings.from_environment(os.environ)
    tasks = compose_tasks(settings, is_redelivered=True)
    return BatchWorker(
        batches=batch_repository(settings),
        tasks=BatchTasks(bucket=tasks.task_bucket),
        submission=tasks.submission,
        repository=tasks.repository,
        queue=SqsQueue(client=client("sqs"), queue_url=settings.batch_queue_url),
        tenancy=settings.tenancy,
    )


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Let each batch continue; a batch that is not done continues with another message."""

    def has_time() -> bool:
        return bool(context.get_remaining_time_in_millis() > STOP_BEFORE_END_MS)

    return process_each(event, context, lambda delivery: worker().advance(delivery.body, has_time=has_time))
