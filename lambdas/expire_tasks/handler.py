"""Called once a minute."""

import os
from functools import cache
from typing import Any

from lambdas.clients import client
from lambdas.clock import now_ms
from lambdas.expire_tasks.settings import ExpireTasksSettings
from lambdas.expire_tasks.sweeping import Sweep
from lambdas.observability import observed
from lambdas.task_publisher import TaskPublisher
from lambdas.tasks.repository import task_repository
from lambdas.topic import SnsTopic
from task_store.task_bucket import TaskBucket


@cache
def sweep() -> Sweep:
    """Compose the sweep of this process."""
    settings = ExpireTasksSettings.from_environment(os.environ)
    repository = task_repository(settings)
    publisher = TaskPublisher(
        topic=SnsTopic(client=client("sns"), topic_arn=settings.task_topic_arn),
        bucket=TaskBucket(client=client("s3"), bucket=settings.task_bucket),
        repository=repository,
    )
    return Sweep(repository=repository, publisher=publisher, now_ms=now_ms)


@observed
def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda passes event and context
    """Settle every task that is due."""
    sweep().run()
