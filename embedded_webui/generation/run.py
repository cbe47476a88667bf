"""One request on its way through the generator, with the seeds of its images."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from embedded_webui.generation.progress import ProgressState
from embedded_webui.generation.prompt_syntax import ExtraNetwork
from embedded_webui.generation.samplers import ResolvedSampler
from embedded_webui.models.checkpoints import CheckpointFile
from embedded_webui.models.loras import LoraFile
from embedded_webui.requests import GenerationRequest

if TYPE_CHECKING:
    from embedded_webui.models.model import Model

#: Random seeds are below this number, as in the Web UI.
_SEED_LIMIT: Final = 2**32 - 2
_RANDOM: Final = -1
#: Words of a prompt for a LoRA; the second is an older one.
_LORA_KINDS: Final = frozenset({"lora", "lyco"})


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """One seed and one subseed per image; `strength` 0 to 1 is the subseed's part of the noise."""

    seeds: list[int]
    subseeds: list[int]
    strength: float

    def from_first(self, distance: int, *, count: int) -> "Seeds":
        """Return `count` seeds that begin at a distance from the first one."""
        numbers = range(distance, distance + count)
        return Seeds(
            seeds=[self.seeds[0] + (number if self.strength == 0 else 0) for number in numbers],
            subseeds=[self.subseeds[0] + number for number in numbers],
            strength=self.strength,
        )


def choose_seeds(request: GenerationRequest, *, count: int, draw: Callable[[int], int] = random.randrange) -> Seeds:
    """Return seeds for `count` images: random for -1, counted up, or one for all if a subseed varies them."""
    seed, subseed = (
        draw(_SEED_LIMIT) if seed in {None, _RANDOM} else int(seed or 0) for seed in (request.seed, request.subseed)
    )
    return Seeds(seeds=[seed], subseeds=[subseed], strength=request.subseed_strength).from_first(0, count=count)


@dataclass(kw_only=True)
class GenerationRun:
    """A request with the sampler, seeds and checkpoint that were resolved for it."""

    request: GenerationRequest
    sampler: ResolvedSampler
    seeds: Seeds
    clip_skip: int
    checkpoint: CheckpointFile
    state: ProgressState
    #: Returns the model of a checkpoint by its name, None for the one in the options.
    load_model: Callable[[str | None], "Model"]
    #: Returns the LoRA files that are there.
    find_loras: Callable[[], list[LoraFile]]
    #: Settings in the infotext that only this kind of request has.
    extra: dict[str, Any] = field(default_factory=dict)
    #: Seeds of the last batch of tiles, if the images are combined of tiles.
    last_tiles: Seeds | None = None

    def batch(self, iteration: int, *, count: int) -> Seeds:
        """Return the seeds of `count` images of one iteration, counted from 0."""
        return self.seeds.from_first(iteration * self.request.batch_size, count=count)

    def known_loras(self, networks: Sequence[ExtraNetwork]) -> Mapping[LoraFile, tuple[float, float]]:
        """Return the LoRA files that a prompt names, with their weights; unknown ones are ignored, as in the Web UI."""
        wanted = [network for network in networks if network.kind in _LORA_KINDS]
        files: dict[str, LoraFile] = {}
        for lora in self.find_loras() if wanted else ():
            entry = lora.entry()
            files |= {entry["alias"]: lora, entry["name"]: lora}
        known = {files[network.name]: network.weights for network in wanted if network.name in files}
        if known:
            self.extra["Lora hashes"] = ", ".join(f"{lora.path.stem}: {lora.short_hash()}" for lora in known)
        return known
