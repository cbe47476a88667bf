"""One request on its way through the generator."""

from dataclasses import dataclass, field
from typing import Any

from embedded_webui.checkpoints import Checkpoint
from embedded_webui.requests import GenerationRequest
from embedded_webui.samplers import Sampler, Schedule
from embedded_webui.seeds import Seeds


@dataclass(kw_only=True)
class Run:
    """What a request asks for, with what has been decided since."""

    request: GenerationRequest
    sampler: Sampler
    schedule: Schedule
    seeds: Seeds
    clip_skip: int
    checkpoint: Checkpoint
    #: Settings that only this kind of request has in the infotext.
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as asked for."""
        return int(self.request.width or 0), int(self.request.height or 0)
