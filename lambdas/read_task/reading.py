"""Showing, listing and cancelling tasks."""

from collections.abc import Mapping
from typing import Any

from contract.errors import TaskFinished, TaskNotFound
from contract.record import Record, Status
from contract.routing import Catalogue
from lambdas import outcomes
from lambdas.observability import count, logger
from lambdas.read_task.listing import list_tasks, parse_query
from lambdas.read_task.views import Presign, show_task
from lambdas.task_table import TaskTable


class TaskReader:
    """Answers what callers ask about tasks; raises the contract's errors."""

    def __init__(self, *, table: TaskTable, catalogue: Catalogue, output_bucket: str, presign: Presign) -> None:
        self._table = table
        self._catalogue = catalogue
        self._output_bucket = output_bucket
        self._presign = presign

    def show(self, task_id: str) -> dict[str, Any]:
        """Return a task."""
        return self._show(self._read(task_id))

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

    def _read(self, task_id: str) -> Record:
        record = self._table.read(task_id)
        if record is None:
            raise TaskNotFound(f"there is no task {task_id[:128]!r}: it was never submitted, or its retention is over")
        return record

    def _show(self, record: Record) -> dict[str, Any]:
        return show_task(record, output_bucket=self._output_bucket, presign=self._presign)
