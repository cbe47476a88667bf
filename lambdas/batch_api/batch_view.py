"""View of a batch over HTTP: its counts, progress and estimated end, and the state of each task."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NotRequired, cast

from typing_extensions import TypedDict

from contract.batch import Batch, BatchTaskState
from contract.errors import FieldError, InvalidTask
from contract.record import Status
from lambdas.http.query import read_number
from lambdas.http.responses import Moment, moment, optional_moment
from lambdas.tasks.batch_tasks import BatchTask
from lambdas.tasks.task_view import TaskError, WebhookTrace, webhook_trace

#: Ended tasks from which the end of a batch is estimated. Fewer say nothing about the pace.
MIN_ENDED: Final = 2
DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000


class BatchCounts(TypedDict):
    """Number of tasks in each state."""

    #: Waiting to be submitted, waiting for a replica, or running.
    active: int
    completed: int
    failed: int
    cancelled: int
    timed_out: int
    #: Never became tasks, because their submission was refused.
    refused: int


class ShownBatch(TypedDict):
    """All that a caller may know of a batch."""

    id: str
    #: IN_PROGRESS; at the end COMPLETED if every task completed, CANCELLED if it was cancelled, otherwise FAILED.
    status: Status
    tasks: int
    #: Tasks that are submitted so far.
    submitted: int
    counts: BatchCounts
    #: Share of the tasks that have ended, from 0 to 1.
    progress: float
    submitted_at: Moment
    cancelled_at: Moment | None
    completed_at: Moment | None
    #: When the last task ends at the pace so far; null until two tasks have ended.
    estimated_end_at: Moment | None
    retry_of: str | None
    context: Any
    webhook: WebhookTrace | None


class BatchPage(TypedDict):
    """Batches, the newest first, and what to pass as `next` for those that follow."""

    batches: list[ShownBatch]
    next: str | None


class ListedBatchTask(TypedDict):
    """Task of a batch; `GET /v1alpha2/tasks/{id}` shows all of it."""

    number: int
    id: str
    state: BatchTaskState
    #: Why the submission was refused.
    error: NotRequired[TaskError]


class BatchTaskPage(TypedDict):
    """Tasks of a batch in their order, and what to pass as `next` for those that follow."""

    tasks: list[ListedBatchTask]
    next: str | None


def show_batch(batch: Batch, *, batch_id: str) -> ShownBatch:
    """Return all that a caller may know of a batch, with the id by which its reader knows it."""
    return {
        "id": batch_id,
        "status": batch.status,
        "tasks": batch.task_count,
        "submitted": batch.submitted_count,
        "counts": cast("BatchCounts", batch.counts),
        "progress": 1 - len(batch.active) / batch.task_count,
        "submitted_at": moment(batch.submitted_at_ms),
        "cancelled_at": optional_moment(batch.cancelled_at_ms),
        "completed_at": optional_moment(batch.completed_at_ms),
        "estimated_end_at": optional_moment(estimated_end_ms(batch)),
        "retry_of": batch.retry_of,
        "context": batch.context_value,
        "webhook": webhook_trace(batch),
    }


def estimated_end_ms(batch: Batch) -> int | None:
    """Return when the last task ends if the others end at the pace of those so far; None while nothing is known."""
    first_ms, last_ms, active = batch.first_ended_at_ms, batch.last_ended_at_ms, len(batch.active)
    ended = batch.task_count - active
    if not active or first_ms is None or last_ms is None or ended < MIN_ENDED:
        return None
    return last_ms + active * (last_ms - first_ms) // (ended - 1)


def show_tasks(batch: Batch, tasks: Sequence[BatchTask], parameters: Mapping[str, str]) -> BatchTaskPage:
    """Return a page of the tasks of a batch; raises InvalidTask with every broken query parameter."""
    given = dict(parameters)
    errors: list[FieldError] = []
    state = given.pop("state", None)
    if state is not None and state not in list(BatchTaskState):
        errors.append(FieldError("state", f"is {state[:40]!r}; write any of {', '.join(BatchTaskState)}"))
    limit = read_number(given.pop("limit", str(DEFAULT_LIMIT)), "limit", MAX_LIMIT, errors)
    after = read_number(given.pop("next", "0"), "next", batch.task_count, errors, least=0)
    errors += [
        FieldError(name[:40], "is not a parameter of this call; write any of state, limit, next") for name in given
    ]
    if errors:
        raise InvalidTask(errors)
    wanted = [
        number
        for number in range(after + 1, batch.task_count + 1)
        if state is None or number in batch.numbers(BatchTaskState(state))
    ]
    page = wanted[:limit]
    following = str(page[-1]) if len(wanted) > limit else None
    return {"tasks": [_listed(batch, number, tasks[number - 1]) for number in page], "next": following}


def _listed(batch: Batch, number: int, task: BatchTask) -> ListedBatchTask:
    listed: ListedBatchTask = {"number": number, "id": task.id, "state": batch.state_of(number)}
    refusal = batch.refusals.get(str(number))
    return {**listed, "error": json.loads(refusal)} if refusal else listed
