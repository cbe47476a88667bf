"""Cancellation of a task, shared by batches and all formats of the HTTP API."""

from contract.errors import TaskFinished, TaskNotFound
from contract.record import Record, Status
from lambdas.runtime.observability import count, logger
from lambdas.tasks import outcomes
from task_store.repository import TaskRepository


def not_found(task_id: str) -> TaskNotFound:
    """Return the error for an id without a record."""
    return TaskNotFound(f"there is no task {task_id[:128]!r}: it was never submitted, or its retention has ended")


def cancel(repository: TaskRepository, record: Record) -> Record:
    """Cancel a waiting or running task; cancelling it again is no error. Raises TaskFinished."""
    # A replica may change the record between the read and the write, but never out of a final state.
    if repository.finish_active(record, outcomes.cancelled()):
        logger().info("task_cancelled", task_id=record.id, run_id=record.run_id)
        count("TasksCancelled", runtime=record.runtime)
    current = repository.read(record.key)
    if current is None:
        raise not_found(record.id)
    if current.status is not Status.CANCELLED:
        raise TaskFinished(f"task {record.id} is {current.status.value} already and cannot be cancelled")
    return current
