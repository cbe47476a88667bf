"""Status files of the agent and of the model downloader: JSON that each replaces once a second for the supervisor."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt, TypeAdapter, ValidationError

Content = TypeVar("Content")


class AgentStatus(BaseModel):
    """Content of the agent's status file. A missing field has a value that claims nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    #: True while the agent accepts tasks.
    ready: bool = False
    #: Tasks that it holds.
    held: NonNegativeInt = 0
    #: Seconds, since its start, in which the Web UI was busy, and of its whole life.
    busy_seconds: NonNegativeFloat = 0.0
    up_seconds: NonNegativeFloat = 0.0
    #: Number of tasks by the way in which they ended.
    tasks: dict[str, NonNegativeInt] = {}
    #: Tasks that came back because the GPU's memory was not enough.
    out_of_memory: NonNegativeInt = 0
    checkpoint: str | None = None

    @property
    def busy_share(self) -> float:
        """The part of the agent's life in which the Web UI was busy, 0 to 1."""
        return min(self.busy_seconds / self.up_seconds, 1.0) if self.up_seconds else 0.0


def write_status_file(path: Path, content: Mapping[str, object]) -> None:
    """Replace the file as a whole, because a reader must never see half of it; raises OSError."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(json.dumps(content), encoding="utf-8")
    new.replace(path)


def read_status_file(path: Path | None, content: type[Content]) -> Content | None:
    """Return the file's content, or None if there is no file or it is of another form."""
    if path is None:
        return None
    try:
        return TypeAdapter(content).validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
