"""Attention of the tiny model: large images attend to averages of their parts, which halves the time of a step.

On a CPU, attention among the 4,096 latent pixels of a 512 x 512 image is more than half of the work. A model of random
weights loses nothing by averages. Real models keep their own attention.
"""

from typing import Any, Final

from diffusers.models.attention_processor import AttnProcessor2_0
from torch import Tensor
from torch.nn.functional import avg_pool1d

#: Latent pixels from which on averages are used: those of an image of 256 x 256 pixels.
_MANY_PIXELS: Final = 1024
#: Latent pixels in one average.
_PIXELS_PER_AVERAGE: Final = 8


class AveragedAttention(AttnProcessor2_0):  # type: ignore[misc]  # diffusers has no types
    """Each latent pixel attends to averages of neighbours instead of to every other."""

    def __call__(
        self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, **options: Any
    ) -> Tensor:
        """Attend to averages, or ordinarily in small images and to a prompt."""
        if encoder_hidden_states is None and hidden_states.shape[1] >= _MANY_PIXELS:
            pixels = hidden_states.transpose(1, 2)
            encoder_hidden_states = avg_pool1d(pixels, _PIXELS_PER_AVERAGE, ceil_mode=True).transpose(1, 2)
        attended: Tensor = super().__call__(attn, hidden_states, encoder_hidden_states, **options)
        return attended
