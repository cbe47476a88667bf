"""Attention of the tiny model: large pictures look at averages of their parts, which halves the time of a step.

A model of random weights loses nothing by it, and on a CPU the attention over all 4,096 parts of a 512 x 512 picture is
more than half of the work. Real models keep their own attention.
"""

from typing import Any, Final

from diffusers.models.attention_processor import AttnProcessor2_0
from torch import Tensor
from torch.nn.functional import avg_pool1d

#: Parts of a picture from which on averages are taken: those of 256 x 256 pixels.
_MANY_PARTS: Final = 1024
#: Parts that make one average.
_PARTS_OF_AVERAGE: Final = 8


class AveragedAttention(AttnProcessor2_0):  # type: ignore[misc]  # diffusers has no types
    """Each part attends to averages of neighbours instead of to every part."""

    def __call__(
        self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, **options: Any
    ) -> Tensor:
        """Attend; a picture that attends to a prompt, or has few parts, does so as ever."""
        if encoder_hidden_states is None and hidden_states.shape[1] >= _MANY_PARTS:
            parts = hidden_states.transpose(1, 2)
            encoder_hidden_states = avg_pool1d(parts, _PARTS_OF_AVERAGE, ceil_mode=True).transpose(1, 2)
        attended: Tensor = super().__call__(attn, hidden_states, encoder_hidden_states, **options)
        return attended
