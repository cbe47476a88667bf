"""Handler of batches from the task table's stream: webhooks go to their queue, however long SNS refuses callbacks."""

import os
from functools import cache
from typing import Any

from contract.settings import Settings
from lambdas.messaging.queues import SqsQueue
from lambdas.messaging.stream_batch import MAX_ATTEMPTS, EndedRuns
from lambdas.runtime.clients import client
from lambdas.runtime.observability import observed


class QueueWebhooksSettings(Settings):
    """Queues of webhooks and of the changes that no repetition can settle."""

    webhook_queue_url: str
    failure_queue_url: str


@cache
def ended_runs() -> EndedRuns:
    """Compose the processing of this process."""
    settings = QueueWebhooksSettings.from_environment(os.environ)
    sqs = client("sqs", max_attempts=MAX_ATTEMPTS)
    webhooks = SqsQueue(client=sqs, queue_url=settings.webhook_queue_url)
    failures = SqsQueue(client=sqs, queue_url=settings.failure_queue_url)
    return EndedRuns(settle=webhooks.send_webhook, set_aside=failures.send)


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Queue the webhooks in order, up to the first that must wait; Lambda continues from that one."""
    return ended_runs().process(event, context)
