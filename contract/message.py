"""Message of a task on the task topic, from submission to the agent."""

from pydantic import AliasPath, BaseModel, ConfigDict, Field

from contract.json_values import compact_json
from contract.task import Task, TaskId
from contract.tenancy import scoped


class NamedRun(BaseModel):
    """Run that a task message names, also a message of another release, which this one cannot read."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    id: TaskId = Field(validation_alias=AliasPath("task", "metadata", "id"))
    tenant: str = ""
    run_id: str = Field(validation_alias="run")

    @property
    def task_key(self) -> str:
        """Key of the task in the table."""
        return scoped(self.tenant, self.id)


class TaskMessage(BaseModel):
    """A checked task and the facts that the agent needs with it; S3 holds it if it is too large for a topic."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, hide_input_in_errors=True)

    task: Task
    #: Owner of the task.
    tenant: str = ""
    #: The hexadecimal digits of this submission.
    run_id: str = Field(alias="run")
    checkpoint: str | None = None
    #: ETag of each link into the environment's own buckets, which the edge has checked. Agents read these objects only.
    etags: dict[str, str] = {}
    submitted_at_ms: int

    @property
    def task_key(self) -> str:
        """Key of the task in the table."""
        return scoped(self.tenant, self.task.metadata.id)

    def to_body(self) -> str:
        """Return the message body, pure ASCII."""
        return compact_json(self.model_dump(mode="json", by_alias=True, exclude_defaults=True))
