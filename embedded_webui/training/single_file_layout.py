"""Layout of an SD 1.5 model in the single file that the Web UI loads, from the names of diffusers and transformers.

Own code, because diffusers only reads this layout.
"""

import re
from typing import Any, Final

from torch import Tensor, nn

#: Levels of SD 1.5's VAE.
_VAE_LEVELS: Final = 4

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
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.attentions.0": "middle_block.1",
}
_VAE_ATTENTION: Final = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def to_single_file(*, unet: Any, vae: nn.Module, text_encoder: nn.Module) -> dict[str, Tensor]:
    """Return the tensors of an SD 1.5 model under their names in the single file."""
    tensors = {}
    for name, tensor in unet.state_dict().items():
        tensors[f"model.diffusion_model.{_unet_name(name, unet)}"] = tensor
    for name, tensor in vae.state_dict().items():
        # The file's VAE attention consists of 1x1 convolutions.
        is_linear = "mid_block.attentions" in name and tensor.dim() == len(("out", "in"))
        tensors[f"first_stage_model.{_vae_name(name)}"] = tensor[:, :, None, None] if is_linear else tensor
    for name, tensor in text_encoder.state_dict().items():
        # transformers leaves out the `text_model.` of the file.
        tensors[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = tensor
    return tensors


def _unet_name(name: str, unet: Any) -> str:
    for diffusers_name, file_name in _UNET_SINGLES.items():
        if name.startswith(f"{diffusers_name}."):
            return file_name + name.removeprefix(diffusers_name)
    if found := re.match(r"mid_block\.resnets\.(\d)\.(\w+)(.*)", name):
        return f"middle_block.{int(found[1]) * 2}.{_UNET_RESNET[found[2]]}{found[3]}"
    found = re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|\w+samplers)\.(\d+)\.(.*)", name)
    if not found:
        raise KeyError(name)
    direction, level, kind, layer, rest = found[1], int(found[2]), found[3], int(found[4]), found[5]
    resnets = int(unet.config.layers_per_block)
    if kind.endswith("samplers"):
        layer = resnets
    # A level has its resnets and one more block: the change of size on the way down, another resnet on the way up.
    block = level * (resnets + 1) + layer
    stem = f"input_blocks.{block + 1}" if direction == "down" else f"output_blocks.{block}"
    if kind == "resnets":
        part, _, tail = rest.partition(".")
        return f"{stem}.0.{_UNET_RESNET[part]}.{tail}"
    if kind == "attentions":
        return f"{stem}.1.{rest}"
    if kind == "downsamplers":
        return f"{stem}.0.{rest.replace('conv.', 'op.')}"
    has_attention = getattr(unet.up_blocks[level], "has_cross_attention", False)
    return f"{stem}.{2 if has_attention else 1}.{rest}"


def _vae_name(name: str) -> str:
    name = re.sub(r"up_blocks\.(\d+)", lambda found: f"up.{_VAE_LEVELS - 1 - int(found[1])}", name)
    name = re.sub(r"down_blocks\.(\d+)", r"down.\1", name)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}", name)
    name = re.sub(r"\.resnets\.(\d+)", r".block.\1", name)
    name = re.sub(r"(down|up)samplers\.0", r"\1sample", name)
    if found := re.match(r"(\w+)\.mid_block\.attentions\.0\.(group_norm|to_\w(?:ut\.0)?)\.(.*)", name):
        return f"{found[1]}.mid.attn_1.{_VAE_ATTENTION[found[2]]}.{found[3]}"
    return name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
