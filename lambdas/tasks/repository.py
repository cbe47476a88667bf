"""Task repository of a function, composed from its settings."""

from pydantic import Field, Json

from contract.routing import Catalogue
from contract.settings import Settings
from contract.tenancy import Tenancy
from lambdas.runtime.clients import dynamodb
from lambdas.runtime.clock import now_ms
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
