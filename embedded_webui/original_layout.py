"""Names of tensors: from those of diffusers and transformers to those of the single file that the Web UI loads."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import torch

#: Resnets of one level of the U-Net on its way down; SD 1.5 and SDXL have two.
_RESNETS_PER_LEVEL: Final = 2
#: Blocks that one level takes in the file: its resnets and what changes the size.
_BLOCKS_PER_LEVEL: Final = _RESNETS_PER_LEVEL + 1

_UNET_RESNET: Final = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET_SINGLES: Final = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.attentions.0": "middle_block.1",
}
_VAE_ATTENTION: Final = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def unet_layout(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename the tensors of a `UNet2DConditionModel`."""
    with_attention = {int(found[1]) for name in state if (found := re.match(r"up_blocks\.(\d+)\.attentions", name))}
    return {f"model.diffusion_model.{_unet_name(name, with_attention)}": tensor for name, tensor in state.items()}


def vae_layout(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename the tensors of an `AutoencoderKL`; its attention is made of 1x1 convolutions in the file."""
    levels = 1 + max(int(found[1]) for name in state if (found := re.match(r"decoder\.up_blocks\.(\d+)", name)))
    renamed = {}
    for name, tensor in state.items():
        convolution = "mid_block.attentions" in name and tensor.dim() == len(("out", "in"))
        renamed[f"first_stage_model.{_vae_name(name, levels)}"] = tensor[:, :, None, None] if convolution else tensor
    return renamed


def text_layout(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename the tensors of a `CLIPTextModel`; transformers leaves out the `text_model.` that the file has."""
    return {
        f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}": tensor
        for name, tensor in state.items()
    }


def _unet_name(name: str, with_attention: Iterable[int]) -> str:
    for ours, theirs in _UNET_SINGLES.items():
        if name.startswith(f"{ours}."):
            return theirs + name.removeprefix(ours)
    if found := re.match(r"mid_block\.resnets\.(\d)\.(\w+)(.*)", name):
        return f"middle_block.{int(found[1]) * 2}.{_UNET_RESNET[found[2]]}{found[3]}"
    found = re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|\w+samplers)\.(\d+)\.(.*)", name)
    if not found:
        raise KeyError(name)
    direction, level, kind, layer, rest = found[1], int(found[2]), found[3], int(found[4]), found[5]
    if kind.endswith("samplers"):
        layer = _RESNETS_PER_LEVEL
    block = level * _BLOCKS_PER_LEVEL + layer
    stem = f"input_blocks.{block + 1}" if direction == "down" else f"output_blocks.{block}"
    if kind == "resnets":
        part, _, tail = rest.partition(".")
        return f"{stem}.0.{_UNET_RESNET[part]}.{tail}"
    if kind == "attentions":
        return f"{stem}.1.{rest}"
    if kind == "downsamplers":
        return f"{stem}.0.{rest.replace('conv.', 'op.')}"
    return f"{stem}.{2 if level in with_attention else 1}.{rest}"


def _vae_name(name: str, levels: int) -> str:
    name = re.sub(r"up_blocks\.(\d+)", lambda found: f"up.{levels - 1 - int(found[1])}", name)
    name = re.sub(r"down_blocks\.(\d+)", r"down.\1", name)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}", name)
    name = re.sub(r"\.resnets\.(\d+)", r".block.\1", name)
    name = re.sub(r"(down|up)samplers\.0", r"\1sample", name)
    if found := re.match(r"(\w+)\.mid_block\.attentions\.0\.(group_norm|to_\w(?:ut\.0)?)\.(.*)", name):
        return f"{found[1]}.mid.attn_1.{_VAE_ATTENTION[found[2]]}.{found[3]}"
    return name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
