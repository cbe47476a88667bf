"""Batch of tasks: one item of the task table that names each of its tasks by number, in the set of the task's state.

The sets make every count exact. A task leaves the set of the active ones once, so a late or repeated write changes
nothing.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from pydantic import Field

from contract.conditional_update import Request, update
from contract.record import FINAL_STATUSES, Record, Status, SubmittedItem, due_shard
from contract.storage import BATCH_FOLDER, MAX_MESSAGE_BYTES
from contract.tenancy import name_in, scoped, tenant_in

#: Tasks of one batch, after its prompts were expanded.
MAX_BATCH_TASKS: Final = 1000
#: Bytes of a batch's tasks as JSON lines, after its prompts were expanded.
MAX_BATCH_BYTES: Final = MAX_MESSAGE_BYTES
#: Milliseconds after which a batch whose tasks are not all submitted continues, because its message was lost.
SUBMIT_GRACE_MS: Final = 120_000
#: Milliseconds after which the active tasks of a batch are compared with their records. Only an end that the table's
#: stream has lost is found so.
COMPARE_INTERVAL_MS: Final = 3_600_000
#: Starts the name of a batch in the table; ids of tasks have no slash.
_NAME_START: Final = "batch/"
#: Name of the batches in the index of runtimes; names of runtimes have no slash.
_RUNTIME: Final = "batches/"


class BatchTaskState(StrEnum):
    """State of a task within its batch: waiting or running, or how it ended."""

    ACTIVE = "active"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    #: It never became a task, because its submission was refused.
    REFUSED = "refused"

    @property
    def attribute(self) -> str:
        """Attribute of the item with the numbers of the tasks in this state."""
        return f"tasks_{self.value}"


#: State within its batch of a task that has ended.
STATE_OF_STATUS: Final = {status: BatchTaskState(status.value.lower()) for status in FINAL_STATUSES}
#: States whose tasks a retry submits again.
RETRIED_STATES: Final = (BatchTaskState.FAILED, BatchTaskState.TIMED_OUT, BatchTaskState.REFUSED)


class Batch(SubmittedItem):
    """One batch in the task table. Its tasks are numbered from 1."""

    #: IN_PROGRESS, and at the end COMPLETED, FAILED or CANCELLED.
    status: Status = Status.IN_PROGRESS
    #: True if the completion topic gets a callback at the end.
    has_callback: bool = False
    #: The batch whose failed tasks this one repeats.
    retry_of: str | None = None
    task_count: int
    #: The tasks up to this number have been submitted or refused.
    submitted_count: int = 0
    states: dict[BatchTaskState, frozenset[int]] = Field(default_factory=dict, exclude=True)
    #: JSON text of the error of each refused task, by number.
    refusals: dict[str, str] = Field(default_factory=dict)
    first_ended_at_ms: int | None = None
    last_ended_at_ms: int | None = None
    cancelled_at_ms: int | None = None

    @property
    def key(self) -> str:
        """Key of the batch in the table."""
        return batch_key(scoped(self.tenant, self.id))

    @property
    def sender(self) -> str:
        """Message group of its webhook, as for a task."""
        return self.key_name or self.tenant or self.id

    @property
    def is_final(self) -> bool:
        """Return True if all its tasks have ended and no later write may change the status."""
        return self.status is not Status.IN_PROGRESS

    @property
    def active(self) -> frozenset[int]:
        """The tasks that have not ended."""
        return self.numbers(BatchTaskState.ACTIVE)

    @property
    def counts(self) -> dict[str, int]:
        """Number of tasks in each state."""
        return {state.value: len(self.numbers(state)) for state in BatchTaskState}

    @property
    def outcome(self) -> Status:
        """Status of the batch when all its tasks have ended."""
        if self.cancelled_at_ms is not None:
            return Status.CANCELLED
        is_complete = len(self.numbers(BatchTaskState.COMPLETED)) == self.task_count
        return Status.COMPLETED if is_complete else Status.FAILED

    def numbers(self, state: BatchTaskState) -> frozenset[int]:
        """Return the numbers of the tasks in a state."""
        return self.states.get(state, frozenset())

    def state_of(self, number: int) -> BatchTaskState:
        """Return the state of a task."""
        return next(state for state in BatchTaskState if number in self.numbers(state))

    def to_item(self) -> dict[str, Any]:
        """Return the item in the plain Python values of boto3's resource layer, without empty fields."""
        item = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        sets = {state.attribute: set(numbers) for state, numbers in self.states.items() if numbers}
        return item | sets | {"id": self.key, "runtime": batch_partition(self.tenant)}

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "Batch":
        """Read an item as boto3's resource layer returns it."""
        states = {state: item[state.attribute] for state in BatchTaskState if state.attribute in item}
        name = {"tenant": tenant_in(item["id"]), "id": name_in(item["id"]).removeprefix(_NAME_START)}
        return cls.model_validate({**item, **name, "states": states})


#: What ends with a callback or a webhook.
Ended = Record | Batch


def ended_item(item: Mapping[str, Any]) -> Ended:
    """Read the item of a task or of a batch."""
    return Batch.from_item(item) if is_batch_key(item["id"]) else Record.from_item(item)


def batch_key(scoped_id: str) -> str:
    """Return the key in the table of the batch with this id within its tenant."""
    return scoped(tenant_in(scoped_id), f"{_NAME_START}{name_in(scoped_id)}")


def batch_id(key: str) -> str:
    """Return the id of a batch within its tenant, from its key."""
    return scoped(tenant_in(key), name_in(key).removeprefix(_NAME_START))


def is_batch_key(key: str) -> bool:
    """Return True for the key of a batch, False for that of any other item."""
    return name_in(key).startswith(_NAME_START)


def batch_partition(tenant: str) -> str:
    """Return the partition of the index of runtimes that lists the batches of a tenant."""
    return scoped(tenant, _RUNTIME)


def tasks_key(batch: Batch) -> str:
    """Return the key in the task bucket of the tasks of a batch."""
    return "/".join(filter(None, (BATCH_FOLDER, batch.tenant, batch.id, f"{batch.run_id}.jsonl")))


def create(batch: Batch) -> Request:
    """Record a batch of an unused id; all its tasks are active."""
    active = {BatchTaskState.ACTIVE: frozenset(range(1, batch.task_count + 1))}
    due = {"due_shard": due_shard(batch.key), "next_check_at_ms": batch.submitted_at_ms + SUBMIT_GRACE_MS}
    item = batch.model_copy(update={"states": active, **due}).to_item()
    return {"Item": item, "ConditionExpression": "attribute_not_exists(id)"}


def settle(key: str, number: int, state: BatchTaskState, *, now_ms: int, refusal: str | None = None) -> Request:
    """Record the end of an active task; `refusal` is the JSON text of the error of a refused one."""
    refused = ", refusals.#number = :refusal" if refusal else ""
    return {
        "Key": {"id": key},
        "UpdateExpression": (
            f"SET last_ended_at_ms = :now, first_ended_at_ms = if_not_exists(first_ended_at_ms, :now){refused}"
            f" ADD {state.attribute} :task DELETE {BatchTaskState.ACTIVE.attribute} :task"
        ),
        "ConditionExpression": f"contains({BatchTaskState.ACTIVE.attribute}, :number)",
        "ExpressionAttributeValues": {
            ":now": now_ms,
            ":task": {number},
            ":number": number,
            **({":refusal": refusal} if refusal else {}),
        },
        **({"ExpressionAttributeNames": {"#number": str(number)}} if refusal else {}),
    }


def advance(batch: Batch, submitted_count: int, *, now_ms: int) -> Request:
    """Record that the tasks up to a number are submitted, unless the batch was cancelled."""
    is_last = submitted_count == batch.task_count
    return _update(
        batch.key,
        {
            "submitted_count": submitted_count,
            "due_at_ms": now_ms + (COMPARE_INTERVAL_MS if is_last else SUBMIT_GRACE_MS),
        },
        " AND attribute_not_exists(cancelled_at_ms) AND submitted_count < :set_submitted_count",
    )


def cancel(batch: Batch, *, now_ms: int) -> Request:
    """Record that the active tasks of a batch must be cancelled."""
    return _update(
        batch.key,
        {"cancelled_at_ms": now_ms, "due_at_ms": now_ms + SUBMIT_GRACE_MS},
        " AND attribute_not_exists(cancelled_at_ms)",
    )


def defer(key: str, *, next_check_at_ms: int) -> Request:
    """Postpone the next check of an active batch."""
    return _update(key, {"due_at_ms": next_check_at_ms}, "")


def finish(batch: Batch, *, now_ms: int, retention_seconds: int) -> Request:
    """End a batch without an active task."""
    return _update(
        batch.key,
        {
            "#status": batch.outcome.value,
            "completed_at_ms": now_ms,
            "expires_at": now_ms // 1000 + retention_seconds,
        },
        f" AND attribute_not_exists({BatchTaskState.ACTIVE.attribute})",
        remove=("due_shard", "due_at_ms"),
    )


def _update(key: str, set_: dict[str, Any], where: str, *, remove: tuple[str, ...] = ()) -> Request:
    return update(
        key,
        set_=set_,
        where=f"#status = :active{where}",
        values={":active": Status.IN_PROGRESS.value},
        remove=remove,
    )
