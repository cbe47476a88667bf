"""Training of the decoder: it learns to draw sharp edges from latents, which are mean colours."""

import random
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, l1_loss

from embedded_webui.models.kinds import LATENT_PIXELS
from embedded_webui.training.drawing import STYLES, draw
from embedded_webui.training.pictures import mean_colours
from embedded_webui.training.scenes import random_scene

_BATCH: Final = 16
#: Pixels of a training picture, cut out of drawings of these sizes.
_CUT: Final = 64
_DRAWN: Final = (64, 96, 160, 256, 400)
#: Part of the pictures that are soft random colours instead of drawings, so that photographs keep theirs.
_SOFT: Final = 0.15
#: Noise of the latents that the decoder learns to ignore.
_LATENTS_NOISE: Final = 0.01


def decoder_loss(vae: Any, step: int) -> Tensor:
    """Return the loss of the pictures of a step."""
    source = random.Random(step)  # noqa: S311 - no secret
    generator = torch.Generator().manual_seed(step)
    pixels = torch.stack([_picture(source, generator) for _ in range(_BATCH)])
    latents = mean_colours(pixels, LATENT_PIXELS)
    noisy = latents + torch.randn(latents.shape, generator=generator) * _LATENTS_NOISE
    decoded = vae.decode(noisy.to(vae.device) / vae.config.scaling_factor).sample
    pixels = pixels.to(vae.device)
    edges = [l1_loss(decoded.diff(dim=axis), pixels.diff(dim=axis)) for axis in (2, 3)]
    return l1_loss(decoded, pixels) + sum(edges)


def _picture(source: random.Random, generator: torch.Generator) -> Tensor:
    if source.random() < _SOFT:
        side = source.choice((2, 4, 8))
        colours = torch.rand(1, 3, side, side, generator=generator) * 2 - 1
        return interpolate(colours, size=_CUT, mode="bicubic").clamp(-1, 1)[0]
    side = source.choice(_DRAWN)
    drawn = draw(random_scene(source), width=side, height=side, style=source.choice(STYLES))
    left, top = source.randint(0, side - _CUT), source.randint(0, side - _CUT)
    cut = drawn[top : top + _CUT, left : left + _CUT].astype(np.float32)
    return torch.from_numpy(cut).permute(2, 0, 1) / 127.5 - 1
