"""Settings of the model downloader, read from the environment once, at start."""

from pathlib import Path
from typing import Literal

from pydantic import ByteSize, Field, Json

from contract.settings import Settings


class ModelSettings(Settings):
    """Variables of `python -m runtime_image.model_downloader`, besides those of AWS (region, endpoint, credentials)."""

    model_bucket: str = Field(default="", description="Bucket of models in the Web UI's folder layout; empty: no fetch")
    models_directory: Path = Field(default=Path("/models"), description="The Web UI's models folder")
    model_filename: str = Field(default="", description="The runtime's one checkpoint; empty if tasks name theirs")
    runtime_type: Literal["sdwebui", "comfyui"] = Field(default="sdwebui", description="Engine of the container")
    preload: Json[tuple[str, ...]] = Field(
        default=(),
        description="Files and folders (`vae/`) of the bucket that are fetched at the start (comfyui)",
    )
    models_max_bytes: ByteSize | None = Field(
        default=None, gt=0, description="Disk quota of fetched models, such as 200GiB; unset: the disk is the limit"
    )
    models_state_file: Path | None = Field(
        default=None, description="File with the progress of the download, written anew every second"
    )
    task_table: str = Field(default="", description="Table that shows the progress to callers; empty: no report")
    runtime: str = Field(default="", description="Name of the runtime in these reports")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Lowest level of the entries in the log"
    )
