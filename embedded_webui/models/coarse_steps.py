"""First steps of the tiny model for large pictures: it draws them at half the size and refines them at the full one.

A large picture is laid out while it is nearly pure noise. Averages of 2 x 2 latent pixels hold the same layout with
half of the noise. The model needs a quarter of the time for them, and less training.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from embedded_webui.models.damped_guidance import damp_guidance

#: Latent pixels of the shorter side from which on a picture is large.
LARGE_SIDE: Final = 48
#: Step of the noise schedule below which the training refines large pictures.
COARSE_FROM_STEP: Final = 320
#: Step from which on a large picture is drawn at half the size. The training reaches further, so refining is easy here.
_DRAWN_COARSE_FROM_STEP: Final = 160


class CoarseSteps:
    """Replaces `forward` of a U-Net that predicts velocity.

    Args:
        unet: A U-Net of diffusers.
        signals: Share of the signal in each step of the noise schedule (`alphas_cumprod`).
    """

    def __init__(self, unet: Any, signals: Tensor) -> None:
        self._forward = unet.forward
        self._signals = signals.double().cpu().numpy()

    def forward(self, sample: Tensor, timestep: Tensor | float, *arguments: Any, **options: Any) -> Sequence[Tensor]:
        """Return the velocity of the sample, as a tuple of one."""
        step = float(torch.as_tensor(timestep).flatten()[0])
        options["return_dict"] = False
        if min(sample.shape[-2:]) < LARGE_SIDE or step < _DRAWN_COARSE_FROM_STEP:
            (velocity, *_) = self._forward(sample, timestep, *arguments, **options)
            return (damp_guidance(sample, velocity, step),)
        steps = np.arange(len(self._signals))
        share = np.interp(step, steps, self._signals)
        signal, noise = share**0.5, (1 - share) ** 0.5
        # The average of four has half of the noise. Another, earlier step of the schedule has that part of noise.
        length = (share + (1 - share) / 4) ** 0.5
        coarse_step = float(np.interp(-((signal / length) ** 2), -self._signals, steps))
        coarse = avg_pool2d(sample, 2, ceil_mode=True, count_include_pad=False) / length
        (velocity, *_) = self._forward(coarse, torch.tensor(coarse_step, device=sample.device), *arguments, **options)
        picture = coarse * (signal / length) - velocity * (noise / 2 / length)
        picture = interpolate(picture, size=sample.shape[-2:], mode="bilinear")
        return (damp_guidance(sample, (sample * signal - picture) / noise, step),)
