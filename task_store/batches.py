"""Repository of batches in the task table. Each write is one of `contract.batch`, with the condition that allows it."""

from collections.abc import Callable, Sequence
from typing import Any

from contract import batch as batches
from contract.batch import STATE_OF_STATUS, Batch, BatchTaskState, batch_key, batch_partition, is_batch_key
from contract.record import RUNTIME_INDEX, Record
from contract.tenancy import scoped
from task_store.table import TableClient


class BatchRepository(TableClient):
    """Reads and conditional writes of batches."""

    def __init__(self, *, client: Any, table_name: str, retention_seconds: int, now_ms: Callable[[], int]) -> None:
        super().__init__(client=client, table_name=table_name)
        self._retention_seconds = retention_seconds
        self._now_ms = now_ms

    def read(self, key: str) -> Batch | None:
        """Return the batch as it is now."""
        item = self._item(key) if is_batch_key(key) else None
        return Batch.from_item(item) if item else None

    def create(self, batch: Batch) -> bool:
        """Record a batch; return False if its id is in use."""
        return self._write(self._client.put_item, batches.create(batch))

    def settle_task(self, record: Record) -> None:
        """Record the end of a task of a batch."""
        if record.batch is not None and record.batch_number is not None:
            key = batch_key(scoped(record.tenant, record.batch))
            self.settle(key, [record.batch_number], STATE_OF_STATUS[record.status])

    def settle(
        self, key: str, numbers: Sequence[int], state: BatchTaskState, *, refusal: str | None = None
    ) -> Batch | None:
        """Record the end of tasks, and that of their batch with the last one; return the batch as it is then."""
        for number in numbers:
            self._update(batches.settle(key, number, state, now_ms=self._now_ms(), refusal=refusal))
        # A repetition may come after a crash between the last task's end and that of the batch.
        batch = self.read(key)
        if batch is None or batch.is_final or batch.active:
            return batch
        self._update(batches.finish(batch, now_ms=self._now_ms(), retention_seconds=self._retention_seconds))
        return self.read(key)

    def advance(self, batch: Batch, submitted_count: int) -> bool:
        """Record how many tasks are submitted; return False if the batch was cancelled, or another call was faster."""
        return self._update(batches.advance(batch, submitted_count, now_ms=self._now_ms()))

    def cancel(self, batch: Batch) -> bool:
        """Record that the active tasks of a batch must be cancelled."""
        return self._update(batches.cancel(batch, now_ms=self._now_ms()))

    def defer(self, key: str, *, by_ms: int) -> bool:
        """Postpone the next check of an active batch."""
        return self._update(batches.defer(key, next_check_at_ms=self._now_ms() + by_ms))

    def newest(self, tenant: str, *, until_ms: int, limit: int) -> list[tuple[int, str]]:
        """Return time of submission and key of up to `limit` batches of a tenant, the newest first."""
        page = self._client.query(
            TableName=self._table_name,
            IndexName=RUNTIME_INDEX,
            KeyConditionExpression="runtime = :batches AND submitted_at_ms <= :until",
            ExpressionAttributeValues={":batches": batch_partition(tenant), ":until": until_ms},
            ScanIndexForward=False,
            Limit=limit,
        )
        return [(int(item["submitted_at_ms"]), str(item["id"])) for item in page["Items"]]
