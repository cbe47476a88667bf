"""Notifier: makes a callback from each change of the task table that ends a run."""

from collections.abc import Callable, Mapping
from typing import Any

from contract.callback import callback_attributes, callback_for
from contract.json_values import compact_json
from contract.record import Record
from lambdas.messaging.topics import Topic
from lambdas.messaging.webhook_queue import WebhookQueue
from lambdas.runtime.observability import count, logger

#: Item of the table in plain Python values, from the stream.
Image = Mapping[str, Any]


def ended_run(old_image: Image | None, new_image: Image | None) -> Record | None:
    """Return the record of a run that this change ended; None for every other change, such as a deletion by TTL."""
    if not new_image:
        return None
    record = Record.from_item(new_image)
    if not record.is_final:
        return None
    if old_image:
        before = Record.from_item(old_image)
        if before.is_final and before.run_id == record.run_id:
            return None
    return record


class Notifier:
    """Publishes callbacks, and sends webhooks to their queue.

    `release_run` makes room for the next task of the sender's key, if keys have a limit.
    """

    def __init__(
        self,
        *,
        completion_topic: Topic,
        webhooks: WebhookQueue,
        release_run: Callable[[Record], None] | None = None,
    ) -> None:
        self._completion_topic = completion_topic
        self._release_run = release_run
        self._webhooks = webhooks

    def notify(self, old_image: Image | None, new_image: Image | None) -> None:
        """Publish the callback of the run that this change ended, if it ended one."""
        record = ended_run(old_image, new_image)
        if record is None:
            return
        self._completion_topic.publish(compact_json(callback_for(record)), callback_attributes(record))
        self._webhooks.send(record)
        self._release(record)
        logger().info("callback_published", task_id=record.id, run_id=record.run_id, status=record.status.value)
        count("CallbacksPublished", runtime=record.runtime, status=record.status.value)

    def _release(self, record: Record) -> None:
        if self._release_run is None:
            return
        try:
            self._release_run(record)
        except Exception:  # noqa: BLE001 - the next submission at the limit releases it; callbacks must not wait
            logger().exception("active_run_not_released", task_id=record.id, run_id=record.run_id)
