"""Called once a minute."""

import os
from functools import cache
from typing import Any

from lambdas.clients import client, dynamodb
from lambdas.clock import now_ms
from lambdas.expire_tasks.settings import ExpireTasksSettings
from lambdas.expire_tasks.sweeping import Sweep
from lambdas.observability import observed
from lambdas.task_bucket import TaskBucket
from lambdas.task_publisher import TaskPublisher
from lambdas.task_table import TaskTable
from lambdas.topic import SnsTopic


@cache
def sweep() -> Sweep:
    """Compose the sweep of this process."""
    settings = ExpireTasksSettings.from_environment(os.environ)
    table = TaskTable(client=dynamodb(), table_name=settings.task_table, retention_seconds=settings.retention_seconds)
    publisher = TaskPublisher(
        topic=SnsTopic(client=client("sns"), topic_arn=settings.task_topic_arn),
        bucket=TaskBucket(client=client("s3"), bucket=settings.task_bucket),
        table=table,
    )
    return Sweep(table=table, publisher=publisher, now_ms=now_ms)


@observed
def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda passes event and context
    """Settle every task that is due."""
    sweep().run()
