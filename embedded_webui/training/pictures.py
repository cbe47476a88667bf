"""Training of the U-Net: it learns to remove noise from the latents of drawn pictures."""

import random
from collections.abc import Collection
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from embedded_webui.training.captions import caption_of
from embedded_webui.training.drawing import draw
from embedded_webui.training.scenes import random_scene
from embedded_webui.training.words import LONG_PROMPT, tokens_of

#: Latents are the mean colours of 8x8 pixels, from -1 to 1, times this; see the autoencoder.
LATENT_SCALE: Final = 0.5
#: Pixels that are drawn for one latent pixel, along each side. The rest of its 8 would not change the mean.
_DRAWN_PIXELS: Final = 4
#: Largest weight of the error of the picture, in comparison with pure noise.
_MAX_WEIGHT: Final = 20.0
#: Part of the examples whose noise comes from the levels in focus.
_IN_FOCUS: Final = 0.4
#: Captions in one pass of the text encoder.
_ENCODED_CAPTIONS: Final = 64


def mean_colours(pixels: Tensor, block: int) -> Tensor:
    """Return the latents of pictures [count, 3, height, width] that range from -1 to 1: four channels."""
    means = nn.functional.avg_pool2d(pixels, block)
    return torch.cat([means, torch.zeros_like(means[:, :1])], dim=1) * LATENT_SCALE


class PicturePool:
    """Latents and encoded captions of drawn scenes, kept in memory at half precision."""

    def __init__(
        self,
        encoder: Any,
        tokenizer: Any,
        *,
        count: int,
        size: tuple[int, int],
        style: str,
        seed: int,
        related: float = 0.0,
        hard_kinds: Collection[str] = (),
        with_hard_kind: float = 0.0,
    ) -> None:
        source = random.Random(seed)  # noqa: S311 - no secret
        width, height = (side * _DRAWN_PIXELS for side in size)
        latents, captions = [], []
        for number in range(count):
            kinds = hard_kinds if number % 100 < with_hard_kind * 100 else ()
            scene = random_scene(source, is_related=number < related * count, kinds=kinds)
            captions.append(caption_of(scene, source))
            pixels = torch.from_numpy(draw(scene, width=width, height=height, style=style).astype(np.float32))
            latents.append(mean_colours(pixels.permute(2, 0, 1)[None] / 127.5 - 1, _DRAWN_PIXELS).half())
        self._latents = torch.cat(latents)
        tokens = tokens_of(["", *captions], tokenizer, length=LONG_PROMPT).to(encoder.device)
        with torch.inference_mode():
            parts = [encoder(part).last_hidden_state for part in torch.split(tokens, _ENCODED_CAPTIONS)]
        self._encoded = torch.cat(parts).half().cpu()

    def batch(
        self, size: int, generator: torch.Generator, *, without_caption: float, cut: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return random latents with their encoded captions, of which a part is empty; `cut` is a cut-out's side."""
        chosen = torch.randint(len(self._latents), (size,), generator=generator)
        captions = chosen + 1
        captions[torch.rand(size, generator=generator) < without_caption] = 0
        latents = self._latents[chosen]
        if cut:
            top, left = (int(torch.randint(side - cut + 1, (), generator=generator)) for side in latents.shape[2:])
            latents = latents[:, :, top : top + cut, left : left + cut]
        return latents.float(), self._encoded[captions].float()


class NoiseSchedule:
    """SD 1.5's noise levels."""

    def __init__(self) -> None:
        betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
        signal = torch.cumprod(1 - betas, dim=0)
        self.signal, self.noise = signal.sqrt().float(), (1 - signal).sqrt().float()

    def loss(
        self,
        unet: Any,
        latents: Tensor,
        captions: Tensor,
        generator: torch.Generator,
        *,
        highest: int,
        focus: tuple[float, float],
    ) -> Tensor:
        """Return the weighted error of the velocity that the U-Net predicts at random steps below the highest one.

        `focus` is the range, in parts of the highest step, from which more of the steps come.
        """
        # One level per part of the range, because that makes the loss of small batches steadier.
        parts = (torch.arange(len(latents)) + torch.rand(len(latents), generator=generator)) / len(latents)
        focused = focus[0] + (focus[1] - focus[0]) * parts
        parts = torch.where(torch.rand(len(latents), generator=generator) < _IN_FOCUS, focused, parts)
        steps = (parts * highest).long()
        signal, noise = (level[steps][:, None, None, None] for level in (self.signal, self.noise))
        drawn = torch.randn(latents.shape, generator=generator)
        inputs = (latents * signal + drawn * noise, steps, captions)
        predicted = unet(*(part.to(unet.device) for part in inputs)).sample.cpu()
        error = (predicted - (drawn * signal - latents * noise)).square().mean(dim=(1, 2, 3))
        weighted: Tensor = (error * (_MAX_WEIGHT * noise.flatten().square()).clamp(max=1.0)).mean()
        return weighted
