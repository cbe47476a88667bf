"""Everything that may differ from one container to the next, read from the environment once, at start."""

import shlex
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, ByteSize, Field

from contract.settings import Settings

#: Seconds of the grace period that the Web UI gets after the agent, and the same as a part of short ones.
WEBUI_STOP_SECONDS: Final = 5.0
WEBUI_STOP_PART: Final = 0.2
#: Seconds between the agent's own end and the moment at which it is killed, and the same as a part of short periods.
SPARE_SECONDS: Final = 2.0
SPARE_PART: Final = 0.05


def _words(command: object) -> object:
    return tuple(shlex.split(command)) if isinstance(command, str) else command


class SupervisorSettings(Settings):
    """The variables of `python -m runtime_image.supervisor`. It passes all variables on to what it starts."""

    runtime: str = Field(min_length=1, description="Name of the runtime, for logs")
    webui_command: Annotated[tuple[str, ...], BeforeValidator(_words)] = Field(
        min_length=1, description="Command line of the Web UI, quoted as in a shell but run without one"
    )
    webui_url: str = Field(pattern=r"^https?://[^/\s]+", description="Address at which that Web UI answers")
    webui_restarts: int = Field(
        default=5, ge=0, description="Restarts of the Web UI, or of the agent, in a row before the container gives up"
    )
    webui_memory_limit: ByteSize | None = Field(
        default=None, description="Resident size, such as 12GiB, past which the Web UI restarts between two tasks"
    )
    hang_seconds: float = Field(
        default=300.0,
        gt=0,
        description="Seconds after which a Web UI that has nothing to do and does not answer restarts",
    )
    warm_up: bool = Field(
        default=False, description="True: the Web UI makes one small picture with MODEL_FILENAME before it is ready"
    )
    model_bucket: str = Field(default="", description="Model bucket; without it no models are fetched")
    models_directory: Path = Field(default=Path("/models"), description="Where the models are")
    baked_models_directory: Path | None = Field(
        default=None, description="Models that the image brings, which are linked to from MODELS_DIRECTORY"
    )
    models_state_file: Path | None = Field(
        default=None, description="Where the downloader writes how far it is, for the metrics"
    )
    model_filename: str = Field(default="", description="The runtime's one checkpoint, loaded before it is ready")
    status_file: Path = Field(
        default=Path("/var/darkroom/agent-status.json"), description="Where the agent writes how it is doing"
    )
    start_deadline_seconds: float = Field(
        default=900.0, gt=0, description="Seconds in which the Web UI must be ready and all models on disk"
    )
    grace_period_seconds: float = Field(
        default=110.0, gt=0, description="Seconds from SIGTERM to the last process's end"
    )
    health_port: int = Field(default=8080, ge=0, le=65535, description="Port of /healthz, /readyz and /metrics; 0: any")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @property
    def webui_stop_seconds(self) -> float:
        """Seconds from SIGTERM to SIGKILL for the Web UI."""
        return min(WEBUI_STOP_SECONDS, WEBUI_STOP_PART * self.grace_period_seconds)

    @property
    def agent_stop_seconds(self) -> float:
        """Seconds from SIGTERM to SIGKILL for the agent."""
        return self.grace_period_seconds - self.webui_stop_seconds

    @property
    def agent_grace_period_seconds(self) -> float:
        """Seconds in which the agent ends by itself."""
        return self.agent_stop_seconds - min(SPARE_SECONDS, SPARE_PART * self.grace_period_seconds)
