"""One request on its way through the generator."""

from dataclasses import dataclass, field
from typing import Any

from embedded_webui.generation.samplers import ResolvedSampler
from embedded_webui.generation.seeds import Seeds
from embedded_webui.models.checkpoints import CheckpointFile
from embedded_webui.requests import GenerationRequest


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One pass of sampling: the sampler, its number of steps, the prompts. Sizes are in pixels."""

    sampler: ResolvedSampler
    steps: int
    guidance: float
    prompt: str
    negative_prompt: str
    clip_skip: int
    width: int
    height: int


@dataclass(kw_only=True)
class GenerationRun:
    """A request with the sampler, seeds and checkpoint that were resolved for it."""

    request: GenerationRequest
    sampler: ResolvedSampler
    seeds: Seeds
    clip_skip: int
    checkpoint: CheckpointFile
    #: Settings in the infotext that only this kind of request has.
    extra: dict[str, Any] = field(default_factory=dict)
    #: Seeds of the last batch of tiles, if the images are combined of tiles.
    last_tiles: Seeds | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as the request asks."""
        return self.request.width, self.request.height

    def batch(self, iteration: int, *, count: int) -> Seeds:
        """Return the seeds of `count` images of one iteration, counted from 0."""
        return self.seeds.from_first(iteration * self.request.batch_size, count=count)

    def sampling_pass(self, *, size: tuple[int, int]) -> Pass:
        """Return the pass of this request at a size that may differ from the request's."""
        request = self.request
        return Pass(
            sampler=self.sampler,
            steps=request.steps,
            guidance=request.cfg_scale,
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            clip_skip=self.clip_skip,
            width=size[0],
            height=size[1],
        )
