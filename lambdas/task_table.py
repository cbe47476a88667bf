"""The task table as the functions use it; every write is one of `contract.transitions`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from contract import transitions
from contract.conditional_update import Request
from contract.record import (
    ACTIVE_INDEX,
    DUE_INDEX,
    DUE_SHARDS,
    RUNTIME_INDEX,
    SESSION_INDEX,
    SWEEP_RETRY_MS,
    Record,
    Status,
    is_task,
)
from contract.replica import replicas_of
from contract.transitions import Outcome
from contract.webhook import WebhookState

#: Generations of one Web UI client that are looked at to find the one that runs.
MAX_SESSION_TASKS: Final = 20


class Run(Protocol):
    """What a write must know of the run that it ends."""

    @property
    def id(self) -> str:
        """Id of the task."""

    @property
    def run(self) -> str:
        """The run's four digits."""


class Create(Protocol):
    """Records a run; False where the id's record is not as it was read."""

    def __call__(self, record: Record, *, after: Record | None) -> bool:
        """Record the first run of an id, or a new one `after` a final one."""


@dataclass(frozen=True)
class ActiveRun:
    """What the index of active tasks says of a run; it lags behind the table by some milliseconds."""

    id: str
    run: str
    status: Status
    #: The replica that claimed it last, if one has.
    worker_id: str | None


class TaskTable:
    """Reads and conditional writes. A write returns False where its condition does not hold (any more)."""

    def __init__(self, *, client: Any, table_name: str, retention_seconds: int) -> None:
        self._client = client
        self._table_name = table_name
        self._retention_seconds = retention_seconds

    def read(self, task_id: str, *, is_current: bool = True) -> Record | None:
        """Return the record as it is now, or at half the price as it was a moment ago."""
        answer = self._client.get_item(TableName=self._table_name, Key={"id": task_id}, ConsistentRead=is_current)
        item = answer.get("Item", {})
        return Record.from_item(item) if is_task(item) else None

    def create(self, record: Record, *, after: Record | None) -> bool:
        """Record the first run of an id, or a new one `after` a final one."""
        return self._write(self._client.put_item, transitions.create(record, after=after))

    def mark_published(self, record: Record, *, now_ms: int) -> bool:
        """Note that a waiting run's message is on the task topic."""
        return self._write(self._client.update_item, transitions.mark_published(record, now_ms=now_ms))

    def settle(self, record: Record, outcome: Outcome, *, now_ms: int) -> bool:
        """End an active run from outside."""
        request = transitions.settle(
            record.id, record.run, outcome, now_ms=now_ms, retention_seconds=self._retention_seconds
        )
        return self._write(self._client.update_item, request)

    def settle_waiting(self, record: Run, outcome: Outcome, *, now_ms: int) -> bool:
        """End a run that waits in its queue."""
        request = transitions.settle(
            record.id,
            record.run,
            outcome,
            now_ms=now_ms,
            retention_seconds=self._retention_seconds,
            expected=(Status.IN_QUEUE,),
        )
        return self._write(self._client.update_item, request)

    def settle_lost(self, record: Record, outcome: Outcome, *, now_ms: int) -> bool:
        """End a run that nobody holds."""
        request = transitions.settle_lost(
            record.id, record.run, outcome, now_ms=now_ms, retention_seconds=self._retention_seconds
        )
        return self._write(self._client.update_item, request)

    def mark_streamed(self, record: Record, *, now_ms: int) -> bool:
        """Note that a completed run's output goes out as the last part of a stream; only the first may."""
        return self._write(self._client.update_item, transitions.mark_streamed(record.id, record.run, now_ms=now_ms))

    def interrupt(self, record: Record, *, now_ms: int) -> bool:
        """Ask the replica that runs a task to end it with what there is of its picture."""
        return self._write(self._client.update_item, transitions.interrupt(record.id, record.run, now_ms=now_ms))

    def requeue_lost(self, record: Record, *, now_ms: int) -> bool:
        """Let a run wait again whose holder let its lease end."""
        return self._write(self._client.update_item, transitions.requeue_lost(record.id, record.run, now_ms=now_ms))

    def look_later(self, task_id: str, *, now_ms: int) -> bool:
        """Have the sweep look again after a pause at a task that it could not settle."""
        request = transitions.look_later(task_id, now_ms=now_ms, due_at_ms=now_ms + SWEEP_RETRY_MS)
        return self._write(self._client.update_item, request)

    def note_webhook(self, record: Record, state: WebhookState, *, status: int | None, error: str | None) -> bool:
        """Write how an attempt to deliver a run's webhook went."""
        request = transitions.note_webhook(record.id, record.run, state.value, status=status, error=error)
        return self._write(self._client.update_item, request)

    def redeliver_webhook(self, record: Record) -> bool:
        """Note that a run's webhook is to be delivered once more."""
        request = transitions.redeliver_webhook(record.id, record.run, state=WebhookState.PENDING.value)
        return self._write(self._client.update_item, request)

    def due(self, *, now_ms: int) -> Iterator[str]:
        """Yield the ids of tasks that somebody must look at by now, those longest overdue first in each shard."""
        for shard in range(DUE_SHARDS):
            start: dict[str, Any] = {}
            while True:
                page = self._client.query(
                    TableName=self._table_name,
                    IndexName=DUE_INDEX,
                    KeyConditionExpression="due_shard = :shard AND due_at_ms <= :now",
                    ExpressionAttributeValues={":shard": str(shard), ":now": now_ms},
                    **start,
                )
                yield from (str(item["id"]) for item in page["Items"])
                if "LastEvaluatedKey" not in page:
                    break
                start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def of_session(self, session: str) -> list[str]:
        """Return the ids of the generations that a Web UI client waits for, the oldest first, 20 at most."""
        page = self._client.query(
            TableName=self._table_name,
            IndexName=SESSION_INDEX,
            KeyConditionExpression="webui_session = :session",
            ExpressionAttributeValues={":session": session},
            Limit=MAX_SESSION_TASKS,
        )
        return [str(item["id"]) for item in page["Items"]]

    def active(self, runtime: str, *, page_size: int) -> Iterator[list[ActiveRun]]:
        """Yield the waiting and running tasks of a runtime, the oldest first, page by page."""
        request: dict[str, Any] = {
            "TableName": self._table_name,
            "IndexName": ACTIVE_INDEX,
            "KeyConditionExpression": "active_runtime = :runtime",
            "ExpressionAttributeValues": {":runtime": runtime},
            "Limit": page_size,
        }
        while True:
            page = self._client.query(**request)
            yield [
                ActiveRun(item["id"], item["run"], Status(item["status"]), item.get("worker_id"))
                for item in page["Items"]
            ]
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def replicas(self, runtime: str, *, seen_since_ms: int) -> set[str]:
        """Return the replicas of a runtime that gave a sign of life since then."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            IndexName=ACTIVE_INDEX,
            KeyConditionExpression="active_runtime = :replicas AND submitted_at_ms >= :since",
            ExpressionAttributeValues={":replicas": replicas_of(runtime), ":since": seen_since_ms},
        )
        return {item["worker_id"] for page in pages for item in page["Items"]}

    def newest(
        self, runtime: str, *, status: Status | None, limit: int, start_key: dict[str, Any] | None
    ) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """Return up to `limit` tasks of a runtime, newest first, and the key to go on from (None at the end).

        With a `status` fewer may come although more follow: the filter is applied to what was read.
        """
        request: dict[str, Any] = {
            "TableName": self._table_name,
            "IndexName": RUNTIME_INDEX,
            "KeyConditionExpression": "runtime = :runtime",
            "ExpressionAttributeValues": {":runtime": runtime},
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if status:
            request["FilterExpression"] = "#status = :status"
            request["ExpressionAttributeNames"] = {"#status": "status"}
            request["ExpressionAttributeValues"][":status"] = status.value
        if start_key:
            request["ExclusiveStartKey"] = start_key
        page = self._client.query(**request)
        return page["Items"], page.get("LastEvaluatedKey")

    def _write(self, operation: Any, request: Request) -> bool:
        try:
            operation(TableName=self._table_name, **request)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True
