"""Training of a LoRA file: small matrices next to the weights of a U-Net that stay as they are."""

from collections.abc import Iterator
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

#: Rank of the matrices: the file has less than 300 KB.
_RANK: Final = 3


class _LowRankChange(nn.Module):
    """Change of one weight, which begins at zero."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(_RANK, weight[0].numel()) / weight[0].numel() ** 0.5)
        self.up = nn.Parameter(torch.zeros(len(weight), _RANK))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the changed weight."""
        return weight + (self.up @ self.down).view_as(weight)


def add_changes(unet: nn.Module) -> None:
    """Freeze a U-Net, and add a change to each weight of its blocks that is a matrix or a convolution."""
    unet.requires_grad_(requires_grad=False)
    for _, module in list(_changed(unet)):
        parametrize.register_parametrization(module, "weight", _LowRankChange(module.weight))


def lora_tensors(unet: Any) -> dict[str, Tensor]:
    """Return the changes under the names of kohya's trainer, which the Web UI reads."""
    tensors = {}
    for name, module in _changed(unet):
        change = module.parametrizations.weight[0]
        shape = module.weight.shape
        stem = f"lora_unet_{name.replace('.', '_')}"
        tensors[f"{stem}.lora_down.weight"] = change.down.detach().view(_RANK, *shape[1:])
        tensors[f"{stem}.lora_up.weight"] = change.up.detach().view(*change.up.shape, *[1] * (len(shape) - 2))
        tensors[f"{stem}.alpha"] = torch.tensor(float(_RANK))
    return tensors


def _changed(unet: nn.Module) -> Iterator[tuple[str, Any]]:
    for name, module in unet.named_modules():
        if ("blocks." in name or "mid_block." in name) and isinstance(module, nn.Conv2d | nn.Linear):
            yield name, module
