"""Handler of the reaper's schedule, once a minute."""

import os
from functools import cache
from typing import Any

from lambdas.expire_tasks.task_reaper import TaskReaper
from lambdas.messaging.queues import SqsQueue
from lambdas.messaging.topics import SnsTopic
from lambdas.runtime.clients import client
from lambdas.runtime.clock import now_ms
from lambdas.runtime.observability import observed
from lambdas.tasks.publisher import TaskPublisher
from lambdas.tasks.repository import RepositorySettings, task_repository
from task_store.task_bucket import TaskBucket


class ExpireTasksSettings(RepositorySettings):
    """Places of tasks and of their messages, and the queue of batches that continue."""

    task_bucket: str
    task_topic_arn: str
    batch_queue_url: str


@cache
def reaper() -> TaskReaper:
    """Compose the reaper of this process."""
    settings = ExpireTasksSettings.from_environment(os.environ)
    repository = task_repository(settings)
    publisher = TaskPublisher(
        topic=SnsTopic(client=client("sns"), topic_arn=settings.task_topic_arn),
        bucket=TaskBucket(client=client("s3"), bucket=settings.task_bucket),
        repository=repository,
    )
    batch_queue = SqsQueue(client=client("sqs"), queue_url=settings.batch_queue_url)
    return TaskReaper(repository=repository, publisher=publisher, batch_queue=batch_queue, now_ms=now_ms)


@observed
def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda passes event and context
    """Settle every task that is due."""
    reaper().run()
