"""Delivery of a webhook: its preparation, one attempt, and the result on the record and for the queues."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from contract.batch import Ended
from contract.webhook import MAX_WEBHOOK_ATTEMPTS, PAUSES_SECONDS, WebhookState, decode_webhook, webhook_id
from lambdas.deliver_webhook.signature import signed_headers
from lambdas.deliver_webhook.webhook_client import Attempt, WebhookClient
from lambdas.messaging.queues import SqsQueue
from lambdas.runtime.observability import count, logger
from task_store.repository import TaskRepository


@dataclass(frozen=True)
class PreparedWebhook:
    """A message that is ready to be posted; `failure` is why it cannot be."""

    message: str
    record: Ended
    #: Attempts that the webhook has had, with this one.
    attempts: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    failure: Attempt | None = None


@dataclass(frozen=True, kw_only=True)
class WebhookDelivery:
    """Prepares, attempts and settles deliveries. Only `attempt` is slow, and only it may run in another thread."""

    post: WebhookClient
    repository: TaskRepository
    queue: SqsQueue
    dead_letters: SqsQueue
    signing_keys: Callable[[str], Sequence[bytes]]
    render: Callable[[Ended], bytes]

    def prepare(self, message: str, *, attempts: int, now_ms: int) -> PreparedWebhook:
        """Return the webhook of a message for the attempt with this number.

        What prevents it on our side is a failed attempt. Otherwise a reader of the record would wait for ever.
        """
        record = decode_webhook(message)
        try:
            body = self.render(record)
            keys = self.signing_keys(record.tenant)
            headers = signed_headers(webhook_id(record), body, keys=keys, now_seconds=now_ms // 1000)
        except Exception as error:  # noqa: BLE001 - the next attempt may succeed
            logger().exception("webhook_not_prepared", task_id=record.id, run_id=record.run_id)
            reason = (
                f"it could not be made ready on our side ({type(error).__name__}); the log of deliver_webhook has why"
            )
            return PreparedWebhook(message, record, attempts, failure=Attempt(None, error=reason))
        return PreparedWebhook(message, record, attempts, body, headers)

    def attempt(self, delivery: PreparedWebhook) -> Attempt:
        """Post a prepared webhook."""
        return delivery.failure or self.post.attempt(delivery.record.webhook or "", delivery.body, delivery.headers)

    def settle(self, delivery: PreparedWebhook, attempt: Attempt) -> None:
        """Record the result of an attempt, and send the message again or to the dead-letter queue if it failed.

        A message that waits for its visibility is in flight, and SQS delivers no other while 120,000 are.
        """
        record, attempts = delivery.record, delivery.attempts
        if attempt.is_delivered:
            self._record(record, attempt, WebhookState.DELIVERED)
        elif attempt.ends:
            self._record(record, attempt, WebhookState.FAILED)
        elif attempts >= MAX_WEBHOOK_ATTEMPTS:
            self._record(record, attempt, WebhookState.FAILED)
            # An operator who sends it back to the queue wants all attempts again.
            self.dead_letters.repeat_webhook(delivery.message, sender=record.sender, attempts=0)
        else:
            self._record(record, attempt, WebhookState.PENDING)
            self.queue.repeat_webhook(
                delivery.message,
                sender=record.sender,
                attempts=attempts,
                delay_seconds=PAUSES_SECONDS[attempts - 1],
            )

    def _record(self, record: Ended, attempt: Attempt, state: WebhookState) -> None:
        log = logger().warning if state is WebhookState.FAILED else logger().info
        log(
            "webhook_attempted",
            task_id=record.id,
            run_id=record.run_id,
            # Without the rest of the address, which may hold a secret.
            host=urlsplit(record.webhook or "").hostname,
            http_status=attempt.status,
            error=attempt.error,
            state=state.value,
        )
        count("WebhookAttempts", state=state.value)
        try:
            self.repository.record_webhook(record, state, status=attempt.status, error=attempt.error)
        except Exception:  # noqa: BLE001 - an attempt without a trace is better than a second delivery
            logger().exception("webhook_attempt_not_recorded", task_id=record.id, run_id=record.run_id)
