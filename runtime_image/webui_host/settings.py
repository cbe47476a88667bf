"""Settings of the Web UI's host, read once from the environment when its container starts."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, Json

from contract.settings import Settings
from runtime_image.process.webui_environment import split_words


class WebUiHostSettings(Settings):
    """Variables of `python -m runtime_image.webui_host`. It drops all that the Web UI must not have."""

    webui_command: Annotated[tuple[str, ...], BeforeValidator(split_words)] = Field(
        min_length=1, description="Command line of the Web UI, quoted as in a shell but run without one"
    )
    webui_host_port: int = Field(ge=0, le=65535, description="Port at which the supervisor asks for a Web UI; 0: any")
    webui_variables: Json[tuple[str, ...]] = Field(
        default=(), description="Names of variables that the Web UI gets in addition to the image's"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Lowest level of the entries in the log"
    )
