"""Delivery of a webhook: its preparation, one attempt, and the result on the record and for the message."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from contract.batch import Ended
from contract.webhook import MAX_WEBHOOK_ATTEMPTS, PAUSES_SECONDS, WebhookState, decode_webhook, webhook_id
from lambdas.deliver_webhook.signature import signed_headers
from lambdas.deliver_webhook.webhook_client import Attempt, WebhookClient
from lambdas.runtime.observability import count, logger
from task_store.repository import TaskRepository


@dataclass(frozen=True)
class PreparedWebhook:
    """A message that is ready to be posted."""

    record: Ended
    body: bytes
    headers: Mapping[str, str]
    receive_count: int


@dataclass(frozen=True, kw_only=True)
class WebhookDelivery:
    """Prepares, attempts and settles deliveries. Only `attempt` is slow, and only it may run in another thread."""

    post: WebhookClient
    repository: TaskRepository
    signing_keys: Callable[[str], Sequence[bytes]]
    render: Callable[[Ended], bytes]

    def prepare(self, message: str, *, receive_count: int, now_ms: int) -> PreparedWebhook:
        """Return the webhook of a message that was received `receive_count` times.

        A failure is raised and also written to the record. Otherwise a reader of the record would wait for ever.
        """
        record = decode_webhook(message)
        try:
            body = self.render(record)
            keys = self.signing_keys(record.tenant)
            headers = signed_headers(webhook_id(record), body, keys=keys, now_seconds=now_ms // 1000)
        except Exception as error:
            reason = (
                f"it could not be made ready on our side ({type(error).__name__}); the log of deliver_webhook has why"
            )
            self._record(record, Attempt(None, error=reason), _state_after(receive_count))
            raise
        return PreparedWebhook(record, body, headers, receive_count)

    def attempt(self, delivery: PreparedWebhook) -> Attempt:
        """Post a prepared webhook."""
        return self.post.attempt(delivery.record.webhook or "", delivery.body, delivery.headers)

    def settle(self, delivery: PreparedWebhook, attempt: Attempt) -> int | None:
        """Record the result of an attempt.

        Returns the seconds after which the message must become visible again, None if the delivery has ended. Zero
        after the last attempt: the queue itself moves the message to its dead-letter queue.
        """
        if attempt.is_delivered:
            self._record(delivery.record, attempt, WebhookState.DELIVERED)
            return None
        if attempt.ends:
            self._record(delivery.record, attempt, WebhookState.FAILED)
            return None
        self._record(delivery.record, attempt, _state_after(delivery.receive_count))
        return 0 if _is_last(delivery.receive_count) else PAUSES_SECONDS[delivery.receive_count - 1]

    def _record(self, record: Ended, attempt: Attempt, state: WebhookState) -> None:
        logger().info(
            "webhook_attempted",
            task_id=record.id,
            run_id=record.run_id,
            http_status=attempt.status,
            error=attempt.error,
            state=state.value,
        )
        count("WebhookAttempts", state=state.value)
        try:
            self.repository.record_webhook(record, state, status=attempt.status, error=attempt.error)
        except Exception:  # noqa: BLE001 - an attempt without a trace is better than a second delivery
            logger().exception("webhook_attempt_not_recorded", task_id=record.id, run_id=record.run_id)


def _is_last(receive_count: int) -> bool:
    return receive_count >= MAX_WEBHOOK_ATTEMPTS


def _state_after(receive_count: int) -> WebhookState:
    return WebhookState.FAILED if _is_last(receive_count) else WebhookState.PENDING
