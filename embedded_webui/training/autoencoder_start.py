"""Weights with which the autoencoder starts: means of 8x8 pixels as latents, and soft colours from them."""

from typing import Any, Final

import torch
from torch import Tensor, nn

from embedded_webui.training.pictures import LATENT_SCALE

#: Constant channel next to the colours in a normalised group. It is so large that it alone decides the group's
#: variance, which makes the normalisation a known linear map instead of one that depends on the picture.
_ANCHOR: Final = 30.0
#: Logarithm of the variance of the encoder's distribution, so small that the encoder always returns the mean.
_NO_VARIANCE: Final = -30.0
#: Channels of the colours, and of each colour and its negative after the last convolution.
_COLOURS: Final = range(3)


@torch.no_grad()
def set_start(vae: Any) -> None:
    """Set a linear path through an autoencoder, and residual branches that add nothing to it."""
    for name, module in vae.named_modules():
        if name.endswith((".conv2", ".to_out.0")):
            for parameter in module.parameters():
                parameter.zero_()
    scale = LATENT_SCALE / vae.config.scaling_factor
    mean = torch.zeros(3, 3)
    mean[:2, :2] = 0.25
    line = torch.tensor([1.0, 2.0, 1.0])
    blur = torch.outer(line, line) / line.sum() ** 2
    for part, blocks, resizers, kernel in (
        (vae.encoder, vae.encoder.down_blocks, "downsamplers", mean),
        (vae.decoder, vae.decoder.up_blocks, "upsamplers", blur),
    ):
        _route(part.conv_in, _centre(part.conv_in) * (1 / scale if part is vae.decoder else 1.0))
        for block in blocks:
            for resnet in block.resnets:
                if resnet.conv_shortcut is not None:
                    _route(resnet.conv_shortcut, torch.ones(1, 1))
            for resizer in getattr(block, resizers) or ():
                _route(resizer.conv, kernel)
        _end(blocks[-1].resnets[0].conv_shortcut, part.conv_norm_out, part.conv_out)
    vae.encoder.conv_out.weight.mul_(scale)
    vae.encoder.conv_out.bias[vae.config.latent_channels :] = _NO_VARIANCE
    for convolution in (vae.quant_conv, vae.post_quant_conv):
        convolution.weight.copy_(torch.eye(convolution.out_channels)[:, :, None, None])
        convolution.bias.zero_()


def _end(last: Any, norm: nn.GroupNorm, out: Any) -> None:
    """Lead the colours through the last normalisation and activation: silu(x) - silu(-x) is x."""
    group = norm.num_channels // norm.num_groups
    free = [channel for channel in range(norm.num_channels) if (channel + 1) % group]
    signed = [(free[2 * colour], free[2 * colour + 1]) for colour in _COLOURS]
    used = range(signed[-1][-1] // group * group + group)
    for channel in used:
        last.weight[channel] = 0
        last.bias[channel] = 0.0 if channel in free else _ANCHOR
    norm.weight[: len(used)] = _ANCHOR * (group - 1) ** 0.5 / group
    norm.bias[: len(used)] = _ANCHOR / group
    out.weight.zero_()
    out.bias.zero_()
    for colour, channels in enumerate(signed):
        for channel, sign in zip(channels, (1.0, -1.0), strict=True):
            last.weight[channel, colour, 0, 0] = sign
            out.weight[colour, channel, 1, 1] = sign


def _route(convolution: Any, kernel: Tensor) -> None:
    for colour in _COLOURS:
        convolution.weight[colour] = 0
        convolution.bias[colour] = 0
        convolution.weight[colour, colour] = kernel


def _centre(convolution: nn.Conv2d) -> Tensor:
    kernel = torch.zeros(convolution.kernel_size)
    kernel[convolution.kernel_size[0] // 2, convolution.kernel_size[1] // 2] = 1
    return kernel
