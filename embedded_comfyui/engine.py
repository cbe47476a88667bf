"""Image engine behind the nodes: what it samples, decodes and encodes, and the values that pass between nodes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

#: Called after each sampling step with its number, the number of all, and a maker of the preview. It raises to stop.
OnStep = Callable[[int, int, Callable[[], Image.Image]], None]


class PromptInterrupted(Exception):
    """Raised in the worker's thread when the running prompt is cancelled."""


@dataclass(frozen=True, kw_only=True)
class LoraUse:
    """One LoRA file with its strengths."""

    path: Path
    image_weight: float
    text_weight: float


@dataclass(frozen=True, kw_only=True)
class LoadedCheckpoint:
    """The values MODEL, CLIP and VAE: a checkpoint, and the changes to it."""

    path: Path
    loras: tuple[LoraUse, ...] = ()
    clip_skip: int = 1


@dataclass(frozen=True, kw_only=True)
class Conditioning:
    """The value CONDITIONING: a text, and the text encoder that reads it."""

    clip: LoadedCheckpoint
    text: str


@dataclass(frozen=True, kw_only=True)
class LatentBatch:
    """The value LATENT. `samples` is None for an empty one; the engine alone knows its type."""

    width: int
    height: int
    count: int
    samples: Any = None


@dataclass(frozen=True, kw_only=True)
class SamplingJob:
    """The inputs of one sampler."""

    model: LoadedCheckpoint
    positive: Conditioning
    negative: Conditioning
    latent: LatentBatch
    seed: int
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    denoise: float


class ImageEngine(Protocol):
    """Runs the parts of a checkpoint. Only the worker's thread calls it."""

    def load(self, checkpoint: Path) -> None:
        """Load a checkpoint, or raise for a corrupt one."""

    def sample(self, job: SamplingJob, on_step: OnStep) -> LatentBatch:
        """Return the sampled latents."""

    def decode(self, vae: LoadedCheckpoint, latent: LatentBatch) -> list[Image.Image]:
        """Return the pictures of latents."""

    def encode(self, vae: LoadedCheckpoint, pictures: list[Image.Image]) -> LatentBatch:
        """Return the latents of pictures."""

    def unload(self) -> None:
        """Drop the loaded models."""
