"""The settings of read_task."""

from pydantic import Field

from contract.routing import Catalogue
from lambdas.tasks.repository import RepositorySettings


class ReadTaskSettings(RepositorySettings):
    """Where tasks and their outputs are."""

    output_bucket: str
    webhook_queue_url: str
    runtimes: str = Field(description="the catalogue, as JSON")

    @property
    def catalogue(self) -> Catalogue:
        """The configured runtimes."""
        return Catalogue.from_json(self.runtimes)
