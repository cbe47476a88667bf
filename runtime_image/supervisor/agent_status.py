"""What the agent says of itself once a second, in its status file."""

from typing import Final

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt

#: Seconds after which a status counts as none: the agent writes one each second, and its loop may be held up by a
#: slow disk, but not for this long.
MAX_AGE_SECONDS: Final = 15.0


class AgentStatus(BaseModel):
    """The file's content; what is missing has a value that claims nothing, what is unknown is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    #: Whether it takes tasks.
    ready: bool = False
    #: Tasks that it holds.
    held: NonNegativeInt = 0
    #: Seconds, since its start, in which the Web UI had something to do, and of its whole life.
    busy_seconds: NonNegativeFloat = 0.0
    up_seconds: NonNegativeFloat = 0.0
    #: How many tasks ended how.
    tasks: dict[str, NonNegativeInt] = {}
    #: Tasks that came back because the GPU's memory was not enough.
    out_of_memory: NonNegativeInt = 0
    checkpoint: str | None = None
    #: Epoch seconds.
    updated_at: float = 0.0

    @property
    def busy_share(self) -> float:
        """The part of the agent's life in which the Web UI had something to do, 0 to 1."""
        return min(self.busy_seconds / self.up_seconds, 1.0) if self.up_seconds else 0.0

    def is_fresh(self, now_seconds: float) -> bool:
        """Tell whether it was written lately; `now_seconds` is epoch time."""
        return now_seconds - self.updated_at <= MAX_AGE_SECONDS
