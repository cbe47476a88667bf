"""Handler of batches from the task table's stream."""

import os
from functools import cache
from typing import Any

from lambdas.messaging.queues import SqsQueue
from lambdas.messaging.stream_batch import MAX_ATTEMPTS, EndedRuns
from lambdas.messaging.topics import SnsTopic
from lambdas.notify.notifier import Notifier
from lambdas.runtime.clients import client, dynamodb
from lambdas.runtime.observability import observed
from lambdas.tasks.repository import RepositorySettings, batch_repository
from task_store.active_runs import ActiveRuns


class NotifySettings(RepositorySettings):
    """Places of callbacks, and the limit of active tasks of a key."""

    completion_topic_arn: str
    #: Queue of the changes that no repetition can settle.
    failure_queue_url: str
    active_tasks_per_key: int | None = None


@cache
def ended_runs() -> EndedRuns:
    """Compose the processing of this process."""
    settings = NotifySettings.from_environment(os.environ)
    runs = ActiveRuns(client=dynamodb(max_attempts=MAX_ATTEMPTS), table_name=settings.task_table)
    notifier = Notifier(
        completion_topic=SnsTopic(
            client=client("sns", max_attempts=MAX_ATTEMPTS), topic_arn=settings.completion_topic_arn
        ),
        settle_task=batch_repository(settings, max_attempts=MAX_ATTEMPTS).settle_task,
        release_run=runs.release_run if settings.active_tasks_per_key else None,
    )
    failures = SqsQueue(client=client("sqs", max_attempts=MAX_ATTEMPTS), queue_url=settings.failure_queue_url)
    return EndedRuns(settle=notifier.notify, set_aside=failures.send)


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publish the callbacks in order, up to the first that must wait; Lambda continues from that one."""
    return ended_runs().process(event, context)
