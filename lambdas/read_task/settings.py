"""The settings of read_task."""

from pydantic import Field

from contract.routing import Catalogue
from contract.settings import Settings


class ReadTaskSettings(Settings):
    """Where tasks and their outputs are."""

    task_table: str
    output_bucket: str
    webhook_queue_url: str
    runtimes: str = Field(description="the catalogue, as JSON")
    retention_seconds: int

    @property
    def catalogue(self) -> Catalogue:
        """The configured runtimes."""
        return Catalogue.from_json(self.runtimes)
