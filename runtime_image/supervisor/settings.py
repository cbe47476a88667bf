"""Settings of the supervisor, read once from the environment when the container starts."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, ByteSize, Field, Json

from runtime_image.process.engine_settings import EngineSettings
from runtime_image.process.webui_environment import split_words

#: Seconds of the grace period that the Web UI gets after the agent, and the same as a part of a short period.
WEBUI_STOP_SECONDS: Final = 5.0
WEBUI_STOP_PART: Final = 0.2
#: Seconds between the end that the agent aims at and its SIGKILL, and the same as a part of a short period.
SPARE_SECONDS: Final = 2.0
SPARE_PART: Final = 0.05


class SupervisorSettings(EngineSettings):
    """Variables of `python -m runtime_image.supervisor`. It passes all variables on to the agent and the downloader.

    The Web UI gets those of `webui_environment` only.
    """

    runtime: str = Field(min_length=1, description="Name of the runtime, for logs")
    webui_command: Annotated[tuple[str, ...], BeforeValidator(split_words)] = Field(
        min_length=1, description="Command line of the engine, quoted as in a shell but run without one"
    )
    webui_host: str = Field(
        default="",
        pattern=r"^127\.0\.0\.1:\d{1,5}$",
        description="Address of the host in the Web UI's container; without it the supervisor starts WEBUI_COMMAND",
    )
    webui_variables: Json[tuple[str, ...]] = Field(
        default=(), description="Names of variables that the Web UI gets in addition to the image's"
    )
    webui_restarts: int = Field(
        default=5, ge=0, description="Restarts of the Web UI, or of the agent, in a row before the container ends"
    )
    webui_memory_limit: ByteSize | None = Field(
        default=None, description="Resident size, such as 12GiB, past which the Web UI restarts between two tasks"
    )
    hang_seconds: float = Field(
        default=300.0,
        gt=0,
        description="Seconds after which an idle Web UI that does not answer restarts",
    )
    warm_up: bool = Field(
        default=False, description="True: the Web UI makes one small picture with MODEL_FILENAME before it is ready"
    )
    model_bucket: str = Field(default="", description="Model bucket; without it no models are downloaded")
    baked_models_directory: Path | None = Field(
        default=None, description="Folder of the image's own models, which the supervisor links into MODELS_DIRECTORY"
    )
    models_state_file: Path | None = Field(
        default=None, description="File to which the downloader writes its progress, for the metrics"
    )
    model_filename: str = Field(default="", description="The runtime's only checkpoint, loaded before it is ready")
    status_file: Path = Field(
        default=Path("/var/darkroom/agent-status.json"), description="File to which the agent writes its status"
    )
    start_deadline_seconds: float = Field(
        default=900.0, gt=0, description="Seconds within which the Web UI must be ready and all models on disk"
    )
    grace_period_seconds: float = Field(
        default=110.0, gt=0, description="Seconds from SIGTERM to the end of the last process"
    )
    health_port: int = Field(default=8080, ge=0, le=65535, description="Port of /healthz, /readyz and /metrics; 0: any")
    orchestrator: Literal["none", "kubernetes", "ecs"] = Field(
        default="none", description="Orchestrator of this replica, which gives the role's credentials"
    )
    aws_container_credentials_full_uri: str = Field(
        default="", description="Address of the role's credentials, which EKS adds when it makes the pod"
    )

    @property
    def engine_ready_file(self) -> Path:
        """Return the file that exists while the Web UI is ready."""
        return self.status_file.with_name("engine-ready")

    @property
    def webui_host_address(self) -> tuple[str, int]:
        """Return the host and the port of WEBUI_HOST."""
        host, _, port = self.webui_host.partition(":")
        return host, int(port)

    @property
    def webui_stop_seconds(self) -> float:
        """Return the seconds from SIGTERM to SIGKILL for the Web UI."""
        return min(WEBUI_STOP_SECONDS, WEBUI_STOP_PART * self.grace_period_seconds)

    @property
    def agent_stop_seconds(self) -> float:
        """Return the seconds from SIGTERM to SIGKILL for the agent."""
        return self.grace_period_seconds - self.webui_stop_seconds

    @property
    def agent_grace_period_seconds(self) -> float:
        """Return the seconds within which the agent ends by itself."""
        return self.agent_stop_seconds - min(SPARE_SECONDS, SPARE_PART * self.grace_period_seconds)
