"""Handler of batches from the webhook queue; a slow endpoint does not delay the others of its batch."""

import os
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import cache
from typing import Any

from pydantic import Json

from guarded_http.client import GuardedHttp
from guarded_http.network import resolve_with_system
from lambdas.deliver_webhook.signature import SigningKeys
from lambdas.deliver_webhook.webhook_bodies import WebhookBodies
from lambdas.deliver_webhook.webhook_client import Attempt, WebhookClient
from lambdas.deliver_webhook.webhook_delivery import PreparedWebhook, WebhookDelivery
from lambdas.messaging.queues import SqsQueue, webhook_attempts
from lambdas.runtime.clients import client
from lambdas.runtime.clock import now_ms
from lambdas.runtime.observability import logger, observed
from lambdas.tasks.output_bucket import OutputBucket
from lambdas.tasks.repository import RepositorySettings, task_repository
from task_store.task_bucket import TaskBucket

Message = Mapping[str, Any]


class DeliverWebhookSettings(RepositorySettings):
    """Places of webhooks, the secrets that sign them, and private hosts that they may reach."""

    webhook_queue_url: str
    webhook_dead_letter_queue_url: str
    #: Secret of each tenant by its name.
    webhook_secret_arns: Json[dict[str, str]]
    task_bucket: str
    allowed_link_hosts: Json[tuple[str, ...]] = ()


@cache
def settings() -> DeliverWebhookSettings:
    """Return the settings of this process."""
    return DeliverWebhookSettings.from_environment(os.environ)


@cache
def webhooks() -> WebhookDelivery:
    """Compose the delivery of this process."""
    repository = task_repository(settings())
    # A failed read is not repeated here, because the queue delivers the message again.
    secrets = client("secretsmanager", max_attempts=1)
    keys = SigningKeys(client=secrets, secret_arns=settings().webhook_secret_arns, now_ms=now_ms)
    http = GuardedHttp(resolve=resolve_with_system, allowed_hosts=settings().allowed_link_hosts)
    post = WebhookClient(http=http, clock=time)
    bodies = WebhookBodies(
        task_bucket=TaskBucket(client=client("s3"), bucket=settings().task_bucket),
        outputs=OutputBucket(client=client("s3")),
    )
    return WebhookDelivery(
        post=post,
        repository=repository,
        queue=SqsQueue(client=client("sqs"), queue_url=settings().webhook_queue_url),
        dead_letters=SqsQueue(client=client("sqs"), queue_url=settings().webhook_dead_letter_queue_url),
        signing_keys=keys.of_tenant,
        render=bodies.render,
    )


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes its context
    """Attempt all deliveries of a batch at once; return the messages that could be neither settled nor sent again."""
    messages: list[Message] = event["Records"]
    settled: set[str] = set()
    with ThreadPoolExecutor(max_workers=len(messages)) as threads:
        attempts: dict[Future[Attempt], tuple[Message, PreparedWebhook]] = {}
        for message in messages:
            if delivery := _prepared(message):
                attempts[threads.submit(webhooks().attempt, delivery)] = (message, delivery)
        # Settling calls AWS, whose clients and traces belong to this thread.
        for attempt in as_completed(attempts):
            message, delivery = attempts[attempt]
            if _settle(message, delivery, attempt):
                settled.add(message["messageId"])
    failed = [message["messageId"] for message in messages if message["messageId"] not in settled]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _prepared(message: Message) -> PreparedWebhook | None:
    try:
        return webhooks().prepare(message["body"], attempts=webhook_attempts(message), now_ms=now_ms())
    except Exception:  # noqa: BLE001 - the queue delivers the message again, and finally moves it to the dead-letter queue
        logger().exception("webhook_unreadable", message_id=message["messageId"])
    return None


def _settle(message: Message, delivery: PreparedWebhook, attempt: Future[Attempt]) -> bool:
    try:
        webhooks().settle(delivery, attempt.result())
    except Exception:  # noqa: BLE001 - the queue delivers it again after its visibility timeout
        logger().exception("webhook_not_settled", message_id=message["messageId"])
        return False
    return True
