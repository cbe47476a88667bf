"""Everything that may differ from one agent to the next, read from the environment once, at start."""

from typing import Annotated, Final, Literal

from pydantic import Field, Json

from contract.settings import Settings

#: Seconds; SQS allows 12 hours. Below two the whole seconds of SQS leave no room for a renewal.
MIN_VISIBILITY_TIMEOUT_SECONDS: Final = 2
MAX_VISIBILITY_TIMEOUT_SECONDS: Final = 43_200


class AgentSettings(Settings):
    """The variables of `python -m runtime_image.agent`, besides AWS's own (region, endpoint, credentials)."""

    runtime: str = Field(min_length=1, description="Name of the runtime whose tasks this agent carries out")
    queue_url: str = Field(min_length=1, description="The runtime's queue")
    task_table: str = Field(min_length=1, description="Name of the task table")
    task_bucket: str = Field(min_length=1, description="Bucket of messages that were too large for a topic")
    output_bucket: str = Field(min_length=1, description="Bucket that gets pictures and answers")
    webui_url: str = Field(pattern=r"^https?://[^/\s]+", description="Address of the SD Web UI")
    retention_seconds: int = Field(gt=0, description="How long a finished task's record can be read")
    visibility_timeout_seconds: int = Field(
        default=60,
        ge=MIN_VISIBILITY_TIMEOUT_SECONDS,
        le=MAX_VISIBILITY_TIMEOUT_SECONDS,
        description="How long a task stays with an agent that has vanished",
    )
    link_buckets: Json[tuple[str, ...]] = Field(default=(), description="Buckets that s3:// links may name")
    allowed_link_hosts: Json[tuple[str, ...]] = Field(
        default=(), description="host or host:port that links may reach although the address is not public"
    )
    grace_period_seconds: Annotated[float, Field(gt=0)] = 110.0
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
