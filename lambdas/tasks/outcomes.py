"""Outcomes of runs that end without an agent."""

from typing import Final

from contract.errors import DarkroomError, TaskExpired, WorkerLost
from contract.record import Record, Status
from contract.transitions import Outcome

#: Code of the error of a task that used up the deliveries of its message.
DELIVERY_FAILED: Final = "delivery_failed"
CANCELLED_ERROR: Final = {"code": "cancelled", "message": "the task was cancelled"}


def failed(record: Record, error: DarkroomError) -> Outcome:
    """Return the failure of a run: the error of its last attempt, or `error` if no attempt left one."""
    return Outcome(Status.FAILED, error=record.last_error or error.as_dict())


def lost(record: Record) -> Outcome:
    """Return the failure of a run whose replicas all vanished."""
    error = WorkerLost(f"the replica that ran the task vanished, after {record.attempts} of its attempts")
    return failed(record, error)


def expired(record: Record) -> Outcome:
    """Return the outcome of a run that waited longer than its `ttl`."""
    error = TaskExpired(f"the task waited in its queue for longer than its ttl of {record.ttl_ms} ms")
    return Outcome(Status.TIMED_OUT, error=error.as_dict())


def cancelled() -> Outcome:
    """Return the outcome of a cancelled run."""
    return Outcome(Status.CANCELLED, error=CANCELLED_ERROR)
