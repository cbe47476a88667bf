"""What all functions that take tasks in must know."""

from pydantic import Field, Json

from contract.routing import Catalogue
from lambdas.tasks.repository import RepositorySettings


class SubmissionSettings(RepositorySettings):
    """The places of a submission, and the runtimes it may name."""

    task_bucket: str
    model_bucket: str
    output_bucket: str
    task_topic_arn: str
    runtimes: str = Field(description="the catalogue, as JSON")
    active_tasks_per_key: int | None = None

    @property
    def catalogue(self) -> Catalogue:
        """The configured runtimes."""
        return Catalogue.from_json(self.runtimes)


class WaitingSettings(SubmissionSettings):
    """Of functions that also wait for the tasks: the keys that open their own URL, if they have one."""

    api_key_secret_arns: Json[dict[str, str]]
