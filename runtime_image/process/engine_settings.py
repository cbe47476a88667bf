"""Settings of the engine that the supervisor starts and the agent calls, read from the environment of either."""

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import ByteSize, Field, model_validator

from contract.settings import Settings

#: Form of an engine's address; empty for the other engine.
_URL: Final = r"^(https?://[^/\s]+.*)?$"
#: Field that an engine needs.
_URL_OF: Final = {"sdwebui": "webui_url", "comfyui": "comfyui_url"}


class EngineSettings(Settings):
    """Variables that supervisor and agent share."""

    runtime_type: Literal["sdwebui", "comfyui"] = Field(
        default="sdwebui", description="The engine that carries tasks out: the SD Web UI, or ComfyUI"
    )
    webui_url: str = Field(default="", pattern=_URL, description="Address of the SD Web UI (sdwebui)")
    comfyui_url: str = Field(default="", pattern=_URL, description="Address of ComfyUI (comfyui)")
    comfyui_input_folder: Path = Field(
        default=Path("/comfyui/input"), description="ComfyUI's folder of input files, which the agent writes (comfyui)"
    )
    comfyui_output_folder: Path = Field(
        default=Path("/comfyui/output"), description="ComfyUI's folder of output files, which the agent reads (comfyui)"
    )
    comfyui_temp_folder: Path = Field(
        default=Path("/comfyui/temp"), description="ComfyUI's folder of temporary files (comfyui)"
    )
    comfyui_max_bytes: ByteSize | None = Field(
        default=None,
        gt=0,
        description="Limit on the files in ComfyUI's folders, such as 50GiB, past which ComfyUI restarts (comfyui)",
    )
    models_directory: Path = Field(default=Path("/models"), description="The engine's models folder")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Lowest level of the entries in the log"
    )

    @model_validator(mode="after")
    def _engine_can_be_reached(self) -> Self:
        if not getattr(self, name := _URL_OF[self.runtime_type]):
            raise ValueError(f"RUNTIME_TYPE is {self.runtime_type} and needs {name.upper()}")
        return self
