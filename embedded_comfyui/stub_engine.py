"""Stub engine: pictures of one colour, and steps of a chosen time. It needs no model."""

import hashlib
import time
from pathlib import Path

from PIL import Image

from embedded_comfyui.engine import LatentBatch, LoadedCheckpoint, OnStep, SamplingJob
from embedded_webui.models.kinds import LATENT_PIXELS


class StubEngine:
    """Draws the colour that follows from prompt and seed."""

    def __init__(self, *, seconds_per_step: float) -> None:
        self._seconds_per_step = seconds_per_step

    def load(self, checkpoint: Path) -> None:
        """Do nothing, because a stub reads no checkpoint."""

    def sample(self, job: SamplingJob, on_step: OnStep) -> LatentBatch:
        """Wait for every step; the samples are a colour."""
        text = f"{job.positive.text} {job.negative.text} {job.seed} {job.latent.samples}"
        colour = tuple(hashlib.sha256(text.encode()).digest()[:3])
        size = (job.latent.width // LATENT_PIXELS, job.latent.height // LATENT_PIXELS)
        for number in range(1, job.steps + 1):
            time.sleep(self._seconds_per_step)
            on_step(number, job.steps, lambda: Image.new("RGB", size, colour))
        return LatentBatch(width=job.latent.width, height=job.latent.height, count=job.latent.count, samples=colour)

    def decode(self, vae: LoadedCheckpoint, latent: LatentBatch) -> list[Image.Image]:  # noqa: ARG002 - see ImageEngine
        """Return pictures of the colour."""
        size = (latent.width, latent.height)
        return [Image.new("RGB", size, latent.samples or (128, 128, 128)) for _ in range(latent.count)]

    def encode(self, vae: LoadedCheckpoint, pictures: list[Image.Image]) -> LatentBatch:  # noqa: ARG002 - see ImageEngine
        """Return the mean colour of the first picture as the samples."""
        first = pictures[0]
        width, height = (side // LATENT_PIXELS * LATENT_PIXELS for side in first.size)
        return LatentBatch(
            width=width, height=height, count=len(pictures), samples=first.resize((1, 1)).getpixel((0, 0))
        )

    def unload(self) -> None:
        """Do nothing, because nothing is loaded."""
