"""Queries of the task table's indexes. An index lags behind the table by some milliseconds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from contract.heartbeat import heartbeat_partition, start_partition
from contract.record import ACTIVE_INDEX, DUE_INDEX, DUE_SHARDS, RUNTIME_INDEX, SESSION_INDEX, Status
from task_store.table import TableClient

#: Generations of one Web UI client among which the running one is searched.
MAX_SESSION_TASKS: Final = 20
#: Starting replicas of a runtime that are read.
MAX_STARTING_REPLICAS: Final = 5


@dataclass(frozen=True)
class ActiveRun:
    """A waiting or running run in the index of active tasks."""

    key: str
    run_id: str
    status: Status
    #: The replica that claimed it last; None before the first claim.
    worker_id: str | None
    submitted_at_ms: int
    is_low_priority: bool


class TaskIndexes(TableClient):
    """The queries of the task repository."""

    def due_task_keys(self, now_ms: int) -> Iterator[str]:
        """Yield the keys of the tasks whose next check is due, the longest overdue first in each shard.

        The first shard is another one each minute. Otherwise a backlog in one shard would delay those behind it.
        """
        first = now_ms // 60_000
        for shard in ((first + number) % DUE_SHARDS for number in range(DUE_SHARDS)):
            for page in self._pages(
                IndexName=DUE_INDEX,
                KeyConditionExpression="due_shard = :shard AND due_at_ms <= :now",
                ExpressionAttributeValues={":shard": str(shard), ":now": now_ms},
            ):
                yield from (str(item["id"]) for item in page)

    def session_task_keys(self, session: str) -> list[str]:
        """Return the keys of the generations that a Web UI client waits for, the oldest first, 20 at most."""
        page = self._client.query(
            TableName=self._table_name,
            IndexName=SESSION_INDEX,
            KeyConditionExpression="webui_session = :session",
            ExpressionAttributeValues={":session": session},
            Limit=MAX_SESSION_TASKS,
        )
        return [str(item["id"]) for item in page["Items"]]

    def active_runs(self, runtime: str, *, page_size: int) -> Iterator[list[ActiveRun]]:
        """Yield the waiting and running tasks of a runtime, the oldest first, page by page."""
        for page in self._pages(
            IndexName=ACTIVE_INDEX,
            KeyConditionExpression="active_runtime = :runtime",
            ExpressionAttributeValues={":runtime": runtime},
            Limit=page_size,
        ):
            yield [_active_run(item) for item in page]

    def oldest_active(self, runtime: str, *, limit: int) -> list[ActiveRun]:
        """Return up to `limit` waiting and running tasks of a runtime, the oldest first."""
        return next(self.active_runs(runtime, page_size=limit))

    def live_replicas(self, runtime: str, *, since_ms: int) -> set[str]:
        """Return the replicas of a runtime that sent a heartbeat since then."""
        pages = self._pages(
            IndexName=ACTIVE_INDEX,
            KeyConditionExpression="active_runtime = :replicas AND submitted_at_ms >= :since",
            ExpressionAttributeValues={":replicas": heartbeat_partition(runtime), ":since": since_ms},
        )
        return {item["worker_id"] for page in pages for item in page}

    def starting_replicas(self, runtime: str, *, since_ms: int) -> list[dict[str, int]]:
        """Return the progress of the models of replicas that reported their start since then, the newest first."""
        page = self._client.query(
            TableName=self._table_name,
            IndexName=ACTIVE_INDEX,
            KeyConditionExpression="active_runtime = :starting AND submitted_at_ms >= :since",
            ExpressionAttributeValues={":starting": start_partition(runtime), ":since": since_ms},
            ScanIndexForward=False,
            Limit=MAX_STARTING_REPLICAS,
        )
        items = (self._client.get_item(TableName=self._table_name, Key={"id": item["id"]}) for item in page["Items"])
        reports = (found["Item"]["models"] for found in items if "Item" in found)
        return [{name: int(value) for name, value in models.items()} for models in reports]

    def newest(
        self,
        partition: str,
        *,
        limit: int,
        since_ms: int = 0,
        where: Mapping[str, str] | None = None,
        start_key: dict[str, Any] | None = None,
    ) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """Return up to `limit` tasks, newest first, and the key of the next page (None at the end).

        `partition` is a runtime within a tenant (`contract.tenancy.scoped`). Tasks that were accepted before `since_ms`
        are not read.

        `where` has the attributes of the index that a task must have. A page may then have fewer tasks although more
        follow, because DynamoDB filters what it has read.
        """
        if start_key and start_key["submitted_at_ms"] < since_ms:
            # DynamoDB refuses to continue outside of what is asked for.
            return [], None
        request: dict[str, Any] = {
            "TableName": self._table_name,
            "IndexName": RUNTIME_INDEX,
            "KeyConditionExpression": "runtime = :runtime AND submitted_at_ms >= :since",
            "ExpressionAttributeValues": {":runtime": partition, ":since": since_ms},
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if where:
            request["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in where)
            request["ExpressionAttributeNames"] = {f"#{name}": name for name in where}
            request["ExpressionAttributeValues"] |= {f":{name}": value for name, value in where.items()}
        if start_key:
            request["ExclusiveStartKey"] = start_key
        page = self._client.query(**request)
        return page["Items"], page.get("LastEvaluatedKey")

    def _pages(self, **request: Any) -> Iterator[list[dict[str, Any]]]:
        """Yield the items of a query page by page; the next page is read when it is asked for."""
        while True:
            page = self._client.query(TableName=self._table_name, **request)
            yield page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _active_run(item: Mapping[str, Any]) -> ActiveRun:
    submitted_at_ms = int(item["submitted_at_ms"])
    return ActiveRun(
        key=item["id"],
        run_id=item["run"],
        status=Status(item["status"]),
        worker_id=item.get("worker_id"),
        submitted_at_ms=submitted_at_ms,
        is_low_priority=bool(item.get("low_priority")),
    )
