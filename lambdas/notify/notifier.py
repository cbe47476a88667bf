"""Notifier: publishes the callback of a run or batch that has ended, and counts the run in its batch."""

from collections.abc import Callable
from dataclasses import dataclass

from contract.batch import Batch, Ended
from contract.callback import callback_attributes, callback_for
from contract.json_values import compact_json
from contract.record import Record
from lambdas.messaging.topics import Topic
from lambdas.runtime.observability import count, logger


@dataclass(frozen=True, kw_only=True)
class Notifier:
    """Publishes callbacks. `settle_task` records the end of a task in its batch.

    `release_run` makes room for the next task of the sender's key, if keys have a limit.
    """

    completion_topic: Topic
    settle_task: Callable[[Record], None]
    release_run: Callable[[Record], None] | None = None

    def notify(self, record: Ended) -> None:
        """Publish the callback of a run that ended, or of a batch that wants one."""
        if isinstance(record, Batch):
            self._notify_batch(record)
            return
        # The count comes first, because a failure after the callback would publish the callback twice.
        self.settle_task(record)
        self.completion_topic.publish(compact_json(callback_for(record)), callback_attributes(record))
        self._release(record)
        error = record.error or {}
        # The one line of every ended task, whichever part ended it: the query of failed tasks reads it.
        logger().info(
            "callback_published",
            task_id=record.id,
            run_id=record.run_id,
            runtime=record.runtime,
            status=record.status.value,
            code=error.get("code"),
            reason=error.get("message"),
        )
        count("CallbacksPublished", runtime=record.runtime, status=record.status.value)

    def _notify_batch(self, batch: Batch) -> None:
        if batch.has_callback:
            self.completion_topic.publish(compact_json(callback_for(batch)), callback_attributes(batch))
        logger().info("batch_ended", batch_id=batch.id, tenant=batch.tenant, status=batch.status.value)
        count("BatchesEnded", status=batch.status.value)

    def _release(self, record: Record) -> None:
        if self.release_run is None:
            return
        try:
            self.release_run(record)
        except Exception:  # noqa: BLE001 - the next submission at the limit releases it; callbacks must not wait
            logger().exception("active_run_not_released", task_id=record.id, run_id=record.run_id)
