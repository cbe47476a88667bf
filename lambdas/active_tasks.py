"""How many tasks of one key may be active at a time, so that one caller cannot fill the queue of all.

A run is named in its key's item before it is recorded, and forgotten when it has ended. Whatever a crash leaves behind
in between is found when the limit is reached: a name whose run is over, or was never recorded, counts no more.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from contract import active_runs
from contract.conditional_update import Request
from contract.errors import TooManyActiveTasks
from contract.record import FINAL_STATUSES, Record
from lambdas.observability import count, logger
from lambdas.task_table import TaskTable

#: Milliseconds after which a name without a record is taken for one that a crash left behind. Longer than any function
#: takes from naming a run to recording it.
RESERVATION_GRACE_MS: Final = 60_000
#: Seconds between two looks for what was left behind of one key: each reads the record of every name.
LOOK_SECONDS: Final = 5.0
#: Items of one BatchGetItem (DynamoDB quotas), and names of one expression, which ends at 4 KB.
BATCH_SIZE: Final = 50


class ActiveTasks:
    """Records runs within the limit of their key. `clock` returns monotonic seconds."""

    def __init__(
        self,
        *,
        client: Any,
        table: TaskTable,
        table_name: str,
        limit: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._table = table
        self._table_name = table_name
        self._limit = limit
        self._clock = clock
        self._looked_at: dict[str, float] = {}

    def create(self, record: Record, *, after: Record | None) -> bool:
        """Record a run as `TaskTable.create` does; raises TooManyActiveTasks for one above the limit."""
        if record.key_name is None:
            return self._table.create(record, after=after)
        name = active_runs.run_name(record.id, record.run)
        if not self._reserve(record.key_name, name, now_ms=record.submitted_at_ms):
            existing = self._table.read(record.id)
            if existing is not None and not existing.is_final:
                # It is no new run that is asked for.
                return False
            count("ActiveTaskLimitReached", key=record.key_name)
            raise TooManyActiveTasks(
                f"{self._limit} tasks of the key {record.key_name} wait or run already; send more when some have ended"
            )
        if self._table.create(record, after=after):
            return True
        existing = self._table.read(record.id)
        if existing is None or existing.is_final or existing.run != record.run:
            release_runs(self._client, self._table_name, record.key_name, [name])
        return False

    def _reserve(self, key_name: str, name: str, *, now_ms: int) -> bool:
        request = active_runs.reserve(key_name, name, limit=self._limit, now_ms=now_ms)
        if self._write(self._client.update_item, request):
            return True
        item = self._client.get_item(
            TableName=self._table_name, Key={"id": active_runs.key_item_id(key_name)}, ConsistentRead=True
        ).get("Item")
        if item is None:
            self._write(self._client.put_item, active_runs.begin(key_name))
            return self._write(self._client.update_item, request)
        return self._forget_ended(key_name, item, now_ms) and self._write(self._client.update_item, request)

    def _forget_ended(self, key_name: str, item: dict[str, Any], now_ms: int) -> bool:
        """Forget the names whose runs are not active any more; tell whether there were any."""
        if self._clock() - self._looked_at.get(key_name, float("-inf")) < LOOK_SECONDS:
            return False
        self._looked_at[key_name] = self._clock()
        oldest_ms = now_ms - RESERVATION_GRACE_MS
        old = [name for name, moment_ms in active_runs.reserved_at_ms(item).items() if moment_ms < oldest_ms]
        forgotten = 0
        for start in range(0, len(old), BATCH_SIZE):
            if ended := self._ended(old[start : start + BATCH_SIZE]):
                release_runs(self._client, self._table_name, key_name, ended)
                forgotten += len(ended)
        if forgotten:
            logger().warning("ended_runs_forgotten", key=key_name, runs=forgotten)
        return forgotten > 0

    def _ended(self, names: Iterable[str]) -> list[str]:
        runs = {name: name.rpartition("/")[::2] for name in names}
        keys = [{"id": task_id} for task_id in {task_id for task_id, _ in runs.values()}]
        request = {self._table_name: {"Keys": keys, "ConsistentRead": True}}
        answer = self._client.batch_get_item(RequestItems=request)
        unread = {key["id"] for key in answer["UnprocessedKeys"].get(self._table_name, {}).get("Keys", ())}
        found = {item["id"]: item for item in answer["Responses"].get(self._table_name, ())}
        return [
            name for name, (task_id, run) in runs.items() if task_id not in unread and _is_over(found.get(task_id), run)
        ]

    def _write(self, operation: Any, request: Request) -> bool:
        return write(self._client, operation, self._table_name, request)


def forget_run(client: Any, table_name: str, record: Record) -> None:
    """Make room for the next task of the key with which this one, which has ended, was sent."""
    if record.key_name is not None:
        release_runs(client, table_name, record.key_name, [active_runs.run_name(record.id, record.run)])


def release_runs(client: Any, table_name: str, key_name: str, names: Iterable[str]) -> None:
    """Forget runs of a key; those that are not named are no error."""
    write(client, client.update_item, table_name, active_runs.release(key_name, list(names)))


def write(client: Any, operation: Any, table_name: str, request: Request) -> bool:
    """Tell whether a conditional write was allowed."""
    try:
        operation(TableName=table_name, **request)
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _is_over(item: dict[str, Any] | None, run: str) -> bool:
    return item is None or item["run"] != run or item["status"] in FINAL_STATUSES
