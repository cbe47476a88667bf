"""Showing, listing and cancelling tasks, and calling their webhooks again."""

from collections.abc import Mapping
from typing import Any

from contract.errors import NoWebhook, TaskFinished, TaskNotFinished, TaskNotFound
from contract.record import Record, Status
from contract.routing import Catalogue
from lambdas import outcomes
from lambdas.observability import count, logger
from lambdas.output_bucket import OutputBucket
from lambdas.read_task.inlining import wants_inline, with_base64
from lambdas.read_task.listing import list_tasks, parse_query
from lambdas.read_task.views import show_task
from lambdas.task_table import TaskTable
from lambdas.webhook_queue import WebhookQueue


class TaskReader:
    """Answers what callers ask about tasks; raises the contract's errors."""

    def __init__(
        self,
        *,
        table: TaskTable,
        catalogue: Catalogue,
        webhooks: WebhookQueue,
        output_bucket: str,
        outputs: OutputBucket,
    ) -> None:
        self._table = table
        self._catalogue = catalogue
        self._webhooks = webhooks
        self._output_bucket = output_bucket
        self._outputs = outputs

    def show(self, task_id: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return a task, with its outputs inside if the query parameters ask for that."""
        is_inline = wants_inline(parameters)
        task = self._show(self._read(task_id))
        return with_base64(task, outputs=self._outputs) if is_inline else task

    def list(self, parameters: Mapping[str, str] | None) -> dict[str, Any]:
        """Return a page of tasks."""
        return list_tasks(parse_query(parameters, self._catalogue), table=self._table)

    def cancel(self, task_id: str, *, now_ms: int) -> dict[str, Any]:
        """Cancel a waiting or running task; cancelling it again is no error."""
        record = self._read(task_id)
        # A replica may change the record between our read and our write, but never out of a final state.
        if self._table.settle(record, outcomes.cancelled(), now_ms=now_ms):
            logger().info("task_cancelled", task_id=task_id, run=record.run)
            count("TasksCancelled", runtime=record.runtime)
        record = self._read(task_id)
        if record.status is not Status.CANCELLED:
            raise TaskFinished(f"task {task_id} is {record.status.value} already and cannot be cancelled")
        return self._show(record)

    def redeliver_webhook(self, task_id: str) -> dict[str, Any]:
        """Have the webhook of a finished task delivered once more, whether it was before or not."""
        record = self._read(task_id)
        if record.webhook is None:
            raise NoWebhook(f"task {task_id} was sent without a webhook")
        # Noted before it is sent: the delivery may be faster than a note that comes after.
        if not record.is_final or not self._table.redeliver_webhook(record):
            raise TaskNotFinished(f"task {task_id} is {record.status.value}; its webhook is called when it has ended")
        self._webhooks.send(record)
        logger().info("webhook_redelivered", task_id=task_id, run=record.run)
        return self._show(self._read(task_id))

    def _read(self, task_id: str) -> Record:
        record = self._table.read(task_id)
        if record is None:
            raise TaskNotFound(f"there is no task {task_id[:128]!r}: it was never submitted, or its retention is over")
        return record

    def _show(self, record: Record) -> dict[str, Any]:
        return show_task(record, output_bucket=self._output_bucket, presign=self._outputs.link)
