"""What the model downloader says of itself once a second, in its state file."""

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt


class ModelsState(BaseModel):
    """The file's content; what is missing has a value that claims nothing, what is unknown is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    files: NonNegativeInt = 0
    files_done: NonNegativeInt = 0
    bytes: NonNegativeInt = 0
    #: On disk, those of earlier downloads included.
    bytes_done: NonNegativeInt = 0
    bytes_per_second: NonNegativeFloat = 0.0
