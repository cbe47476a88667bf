"""Repository of batches of a function, composed from its settings."""

from lambdas.runtime.clients import dynamodb
from lambdas.runtime.clock import now_ms
from lambdas.tasks.repository import RepositorySettings
from task_store.batches import BatchRepository


def batch_repository(settings: RepositorySettings, *, max_attempts: int | None = None) -> BatchRepository:
    """Return the repository of this process; `max_attempts` is that of the AWS client."""
    return BatchRepository(
        client=dynamodb(max_attempts=max_attempts) if max_attempts else dynamodb(),
        table_name=settings.task_table,
        retention_seconds=settings.retention_seconds,
        now_ms=now_ms,
    )
