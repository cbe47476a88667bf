"""Repositories of a function, composed from its settings."""

from pydantic import Field, Json

from contract.routing import Catalogue
from contract.settings import Settings
from contract.tenancy import Tenancy
from lambdas.runtime.clients import dynamodb
from lambdas.runtime.clock import now_ms
from task_store.batches import BatchRepository
from task_store.repository import TaskRepository


class RepositorySettings(Settings):
    """Settings of a function that reads or writes tasks."""

    task_table: str
    retention_seconds: int


class CatalogueSettings(RepositorySettings):
    """Settings of a function that knows the configured runtimes."""

    runtimes: str = Field(description="the catalogue, as JSON")
    tenancy: Json[Tenancy]

    @property
    def catalogue(self) -> Catalogue:
        """The configured runtimes."""
        return Catalogue.from_json(self.runtimes)


def task_repository(settings: RepositorySettings) -> TaskRepository:
    """Return the repository of this process."""
    return TaskRepository(
        client=dynamodb(),
        table_name=settings.task_table,
        retention_seconds=settings.retention_seconds,
        now_ms=now_ms,
    )


def batch_repository(settings: RepositorySettings, *, max_attempts: int | None = None) -> BatchRepository:
    """Return the repository of batches of this process; `max_attempts` is that of the AWS client."""
    return BatchRepository(
        client=dynamodb(max_attempts=max_attempts) if max_attempts else dynamodb(),
        table_name=settings.task_table,
        retention_seconds=settings.retention_seconds,
        now_ms=now_ms,
    )
