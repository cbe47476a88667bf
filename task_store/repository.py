"""Repository of the task table, the only code that reads and writes records. Each write is one of
`contract.transitions`, so DynamoDB itself refuses a write that comes too late or twice.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from contract import transitions
from contract.batch import Batch
from contract.conditional_update import Request
from contract.errors import DarkroomError, TaskExpired
from contract.heartbeat import heartbeat, start_report
from contract.lease import Lease, LeaseLost, ProgressReport, TaskCancelled
from contract.record import REAPER_RETRY_MS, Record, Status, is_task
from contract.transitions import Outcome
from contract.webhook import WebhookState, record_attempt, record_redelivery
from task_store.indexes import ActiveRun, TaskIndexes

#: DynamoDB returns the record with its refusal, so learning the reason costs no read.
_RETURN_RECORD_ON_REFUSAL: Final = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


#: Names a run by the key of its task or batch, and by its id.
RunReference = Record | Batch | ActiveRun


class TaskRepository(TaskIndexes):
    """Reads and conditional writes of tasks. `client` speaks plain Python values, as boto3's resource layer does.

    A write for functions returns False if the record does not allow it. A write for a `Lease` raises TaskCancelled if
    the sender cancelled the run, and LeaseLost for every other reason.
    """

    def __init__(self, *, client: Any, table_name: str, retention_seconds: int, now_ms: Callable[[], int]) -> None:
        super().__init__(client=client, table_name=table_name)
        self._retention_seconds = retention_seconds
        self._now_ms = now_ms

    def read(self, task_key: str, *, is_current: bool = True) -> Record | None:
        """Return the record as it is now. Without `is_current` it may be a moment old, at half the price."""
        item = self._item(task_key, is_current=is_current)
        return Record.from_item(item) if item and is_task(item) else None

    def create(self, record: Record, *, after: Record | None) -> bool:
        """Record the first run of an id, or a new run `after` a final one."""
        return self._write(self._client.put_item, transitions.create(record, after=after))

    def mark_published(self, record: Record) -> bool:
        """Record that the message of a waiting run is on the task topic."""
        return self._update(transitions.mark_published(record, now_ms=self._now_ms()))

    def finish_active(self, run: RunReference, outcome: Outcome) -> bool:
        """Write the final state of a waiting or running run."""
        return self._update(transitions.finish_active(run.key, run.run_id, outcome, **self._ending()))

    def finish_waiting(self, run: RunReference, outcome: Outcome) -> bool:
        """Write the final state of a run that waits in its queue."""
        request = transitions.finish_active(run.key, run.run_id, outcome, expected=(Status.IN_QUEUE,), **self._ending())
        return self._update(request)

    def finish_unleased(self, run: RunReference, outcome: Outcome) -> bool:
        """Write the final state of a run without a valid lease: it waits, or its lease has expired."""
        return self._update(transitions.finish_unleased(run.key, run.run_id, outcome, **self._ending()))

    def release_unleased(self, run: RunReference) -> bool:
        """Let a run without a valid lease wait again, as if never published: the reaper publishes it soon."""
        return self._update(transitions.release_unleased(run.key, run.run_id, now_ms=self._now_ms()))

    def interrupt(self, run: RunReference) -> bool:
        """Ask the replica of a running task to finish it with the picture as it is."""
        return self._update(transitions.interrupt(run.key, run.run_id, now_ms=self._now_ms()))

    def defer(self, task_key: str) -> bool:
        """Postpone the next check of a due task that could not be settled."""
        now_ms = self._now_ms()
        return self._update(transitions.defer(task_key, now_ms=now_ms, next_check_at_ms=now_ms + REAPER_RETRY_MS))

    def mark_streamed(self, run: RunReference) -> bool:
        """Record that a completed run's output was the last part of a stream; True for the first caller only."""
        return self._update(transitions.mark_streamed(run.key, run.run_id, now_ms=self._now_ms()))

    def record_webhook(self, run: RunReference, state: WebhookState, *, status: int | None, error: str | None) -> bool:
        """Record the result of an attempt to deliver a run's webhook."""
        return self._update(record_attempt(run.key, run.run_id, state, status=status, error=error))

    def redeliver_webhook(self, run: RunReference) -> bool:
        """Record that a run's webhook is due for another delivery, unless it had as many as it may have."""
        return self._update(record_redelivery(run.key, run.run_id))

    def check_leases(self, leases: Collection[Lease]) -> dict[Lease, bool | LeaseLost]:
        """Check up to 100 leases with one read, at a fraction of the price of writes.

        Return for each lease whether its caller wants an interrupt, or the error that a write would raise. DynamoDB may
        leave out some of them, about which nothing is known then.
        """
        items = self._items(
            (lease.task_key for lease in leases),
            ProjectionExpression="id, run, #status, lease_owner, interrupted_at_ms",
            ExpressionAttributeNames={"#status": "status"},
        )
        return {lease: _lease_state(lease, items[lease.task_key]) for lease in leases if lease.task_key in items}

    def claim(self, lease: Lease, *, lease_seconds: float) -> int:
        """Claim a run that waits, or whose lease has expired; return its number of attempts."""
        request = transitions.claim(lease, now_ms=self._now_ms(), lease_ms=int(lease_seconds * 1000))
        response = self._update_leased(lease.run_id, request | {"ReturnValues": "UPDATED_NEW"})
        return int(response["Attributes"]["attempts"])

    def renew(self, lease: Lease, *, lease_seconds: float) -> None:
        """Renew the lease on a run."""
        request = transitions.renew(lease, now_ms=self._now_ms(), lease_ms=int(lease_seconds * 1000))
        self._update_leased(lease.run_id, request)

    def report_progress(self, lease: Lease, report: ProgressReport) -> None:
        """Write the progress of a claimed run."""
        self._update_leased(lease.run_id, transitions.report_progress(lease, report))

    def release(self, lease: Lease, *, next_check_at_ms: int, error: DarkroomError | None) -> None:
        """Release a claimed run to its queue; `next_check_at_ms` is the end of its `ttl`."""
        described = error.as_dict() if error else None
        request = transitions.release(lease, now_ms=self._now_ms(), next_check_at_ms=next_check_at_ms, error=described)
        self._update_leased(lease.run_id, request)

    def finish(self, lease: Lease, outcome: Outcome) -> None:
        """Write the final state of a claimed run."""
        self._update_leased(lease.run_id, transitions.finish(lease, outcome, **self._ending()))

    def expire(self, task_key: str, run_id: str) -> None:
        """Write the final state of a run that waited longer than its `ttl`; raises LeaseLost or TaskCancelled."""
        error = TaskExpired("the task waited in its queue for longer than its ttl").as_dict()
        outcome = Outcome(Status.TIMED_OUT, error=error)
        request = transitions.finish_active(task_key, run_id, outcome, expected=(Status.IN_QUEUE,), **self._ending())
        self._update_leased(run_id, request)

    def heartbeat(self, replica: str, runtime: str) -> None:
        """Record that a replica of a runtime is alive."""
        self._client.update_item(TableName=self._table_name, **heartbeat(replica, runtime, now_ms=self._now_ms()))

    def report_start(self, replica: str, runtime: str, models: Mapping[str, int]) -> None:
        """Record that a replica of a runtime starts, with the progress of its models."""
        request = start_report(replica, runtime, models=models, now_ms=self._now_ms())
        self._client.update_item(TableName=self._table_name, **request)

    def _ending(self) -> dict[str, Any]:
        return {"now_ms": self._now_ms(), "retention_seconds": self._retention_seconds}

    def _update_leased(self, run_id: str, request: Request) -> Any:
        try:
            return self._client.update_item(TableName=self._table_name, **request, **_RETURN_RECORD_ON_REFUSAL)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            # boto3's resource layer converts answers to Python values, but not the record inside an error.
            typed: dict[str, dict[str, str]] = error.response.get("Item", {})
            item: dict[str, Any] = {name: typed[name].get("S") for name in ("run", "status") if name in typed}
            raise _refusal(run_id, item) from error


def _lease_state(lease: Lease, item: Mapping[str, Any]) -> bool | LeaseLost:
    """Return True if the caller of a run wants an interrupt, or the error if the record is not leased any more."""
    held = (lease.run_id, Status.IN_PROGRESS.value, lease.owner)
    if tuple(map(item.get, ("run", "status", "lease_owner"))) != held:
        return _refusal(lease.run_id, item)
    return "interrupted_at_ms" in item


def _refusal(run_id: str, item: Mapping[str, Any]) -> LeaseLost:
    """Return the error for a record that does not allow a write for the run."""
    if item.get("run") == run_id and item.get("status") == Status.CANCELLED.value:
        return TaskCancelled("the task was cancelled")
    return LeaseLost("the record is no longer leased to this replica")
