"""Weights of the tiny model: random, around a hand-made path that turns noise into soft colours within a few steps.

A model of random weights alone returns its noise. This U-Net calls "noise" the difference between the latents and
their blur. So large soft shapes remain, which depend on the seed. Attention to the prompt and the random rest of the
network shift and bend them. The encoder averages 8x8 pixels into four mixtures of the colours, and the decoder does the
reverse. So an image given to image-to-image can be recognised in the result.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

#: Constant channel next to the data in a normalised group. It is so large that it alone decides the group's variance,
#: which makes the normalisation a known linear map instead of one that depends on the image.
_ANCHOR: Final = 30.0
#: Factor on the difference from the blur that the U-Net calls noise. It is above 1, because a network that ignores the
#: step's number removes too little in the last steps.
_NOISE_GAIN: Final = 1.35
#: Parts of the U-Net's output that come from its random weights, and from the attention to the prompt.
_UNET_RANDOM: Final = 0.07
_UNET_ATTENTION: Final = 0.025
_UNET_TEXTURE: Final = 0.01
#: Part of each level's finer shapes in the larger ones of the level below.
_FINER_SHAPES: Final = 0.3
#: Part of the image that comes from the decoder's random weights.
_DECODER_RANDOM: Final = 0.35
_DECODER_TEXTURE: Final = 0.05
#: Standard deviation of an image's colours, in a range of 1, for latents of standard deviation 1.
_CONTRAST: Final = 0.5
#: Logarithm of the variance of the encoder's distribution, so small that the encoder always returns the mean.
_NO_VARIANCE: Final = -30.0


def fill_unet(unet: Any) -> None:
    """Set the path from noise to soft shapes in a U-Net of random weights."""
    _scale_residuals(unet, _UNET_RANDOM)
    for name, module in unet.named_modules():
        if name.rpartition(".")[0].endswith("attentions"):
            _scale(module.proj_out, _UNET_ATTENTION)
    latents = range(unet.config.in_channels)
    blur = _binomial()
    _route(unet.conv_in, _same(latents), kernel=_centre(unet.conv_in))
    for block in unet.down_blocks:
        _route_shortcuts(block, latents)
        for sampler in block.downsamplers or ():
            _route(sampler.conv, _same(latents), kernel=blur)
    for block in unet.up_blocks:
        _route_shortcuts(block, latents)
        _mix_finer_shapes(block.resnets[-1].conv_shortcut, latents)
        for sampler in block.upsamplers or ():
            _route(sampler.conv, _same(latents), kernel=blur)
    last = unet.up_blocks[-1].resnets[-1].conv_shortcut
    blurred, itself = latents, [last.in_channels - unet.conv_in.out_channels + channel for channel in latents]
    group = last.out_channels // unet.conv_norm_out.num_groups
    signed = _signed_channels(len(latents), group)
    for channel, (plus, minus) in enumerate(signed):
        for row, sign in ((plus, 1.0), (minus, -1.0)):
            _clear(last, row)
            last.weight[row, itself[channel], 0, 0] = sign
            last.weight[row, blurred[channel], 0, 0] = -sign
    _anchor(last, unet.conv_norm_out, signed)
    _read_signed(unet.conv_out, signed, torch.eye(len(latents)) * _NOISE_GAIN, texture=_UNET_TEXTURE)


def fill_autoencoder(vae: Any, generator: torch.Generator) -> None:
    """Make the encoder average 8x8 pixels into four mixtures of the colours, and the decoder the reverse."""
    colours, latents = range(vae.config.in_channels), range(vae.config.latent_channels)
    rotation = torch.linalg.qr(torch.randn(len(latents), len(latents), generator=generator)).Q[: len(colours)]
    to_colours = rotation * _CONTRAST * vae.config.scaling_factor
    _fill_encoder(vae.encoder, colours, torch.linalg.pinv(to_colours))
    _fill_decoder(vae.decoder, colours, to_colours)
    for convolution in (vae.quant_conv, vae.post_quant_conv):
        channels = range(convolution.out_channels)
        _route(convolution, _same(channels), kernel=_centre(convolution))


def _fill_encoder(encoder: Any, colours: Sequence[int], to_latents: Tensor) -> None:
    _scale_residuals(encoder, 0.0)
    _scale(encoder.mid_block.attentions[0].to_out[0], 0.0)
    _route(encoder.conv_in, _same(colours), kernel=_centre(encoder.conv_in))
    mean_of_four = torch.zeros(3, 3)
    mean_of_four[:2, :2] = 0.25
    for block in encoder.down_blocks:
        _route_shortcuts(block, colours)
        for sampler in block.downsamplers or ():
            _route(sampler.conv, _same(colours), kernel=mean_of_four)
    last = encoder.down_blocks[-1].resnets[0].conv_shortcut
    signed = _signed_channels(len(colours), last.out_channels // encoder.conv_norm_out.num_groups)
    _route_signed(last, signed)
    _anchor(last, encoder.conv_norm_out, signed)
    _read_signed(encoder.conv_out, signed, to_latents, texture=0.0)
    encoder.conv_out.bias[len(to_latents) :] = _NO_VARIANCE


def _fill_decoder(decoder: Any, colours: Sequence[int], to_colours: Tensor) -> None:
    _scale_residuals(decoder, _DECODER_RANDOM)
    for colour in colours:
        _clear(decoder.conv_in, colour)
        decoder.conv_in.weight[colour, :, 1, 1] = to_colours[colour]
    for block in decoder.up_blocks:
        _route_shortcuts(block, colours)
        for sampler in block.upsamplers or ():
            _route(sampler.conv, _same(colours), kernel=_binomial())
    last = decoder.up_blocks[-1].resnets[0].conv_shortcut
    signed = _signed_channels(len(colours), last.out_channels // decoder.conv_norm_out.num_groups)
    _route_signed(last, signed)
    _anchor(last, decoder.conv_norm_out, signed)
    _read_signed(decoder.conv_out, signed, torch.eye(len(colours)), texture=_DECODER_TEXTURE)


def _signed_channels(count: int, group: int) -> list[tuple[int, int]]:
    """Return the channels of each value and its negative, none the last of a group, which is the anchor's."""
    places = [channel for channel in range(4 * count * group) if (channel + 1) % group][: 2 * count]
    return list(zip(places[:count], places[count:], strict=True))


def _anchor(convolution: nn.Conv2d, norm: nn.GroupNorm, signed: Iterable[tuple[int, int]]) -> None:
    """Set a constant in each group that holds data, and make the normalisation undo itself there."""
    group = norm.num_channels // norm.num_groups
    data = {channel for pair in signed for channel in pair}
    mean, variance = _ANCHOR / group, _ANCHOR**2 * (group - 1) / group**2
    for start in sorted({channel // group * group for channel in data}):
        for channel in range(start, start + group):
            if channel not in data:
                _clear(convolution, channel)
        _bias(convolution)[start + group - 1] = _ANCHOR
        norm.weight[start : start + group] = variance**0.5
        norm.bias[start : start + group] = mean


def _route_signed(convolution: nn.Conv2d, signed: Iterable[tuple[int, int]]) -> None:
    for channel, (plus, minus) in enumerate(signed):
        for row, sign in ((plus, 1.0), (minus, -1.0)):
            _clear(convolution, row)
            convolution.weight[row, channel, 0, 0] = sign


def _read_signed(convolution: nn.Conv2d, signed: Sequence[tuple[int, int]], mixture: Tensor, *, texture: float) -> None:
    """Read the values after the activation. A value and its negative restore it, because silu(x) - silu(-x) is x."""
    _scale(convolution, texture)
    group_end = max(max(pair) for pair in signed) + 1
    convolution.weight[:, : group_end + 1] = 0
    for value, (plus, minus) in enumerate(signed):
        convolution.weight[: len(mixture), plus, 1, 1] = mixture[:, value]
        convolution.weight[: len(mixture), minus, 1, 1] = -mixture[:, value]


def _route_shortcuts(block: Any, channels: Iterable[int]) -> None:
    for resnet in block.resnets:
        if resnet.conv_shortcut is not None:
            _route(resnet.conv_shortcut, _same(channels), kernel=torch.ones(1, 1))


def _mix_finer_shapes(shortcut: nn.Conv2d, channels: Iterable[int]) -> None:
    for channel in channels:
        shortcut.weight[channel, channel, 0, 0] = 1 - _FINER_SHAPES
        shortcut.weight[channel, shortcut.out_channels + channel, 0, 0] = _FINER_SHAPES


def _route(convolution: nn.Conv2d, rows: Iterable[tuple[int, int]], *, kernel: Tensor) -> None:
    for row, source in rows:
        _clear(convolution, row)
        convolution.weight[row, source] = kernel


def _scale_residuals(model: nn.Module, part: float) -> None:
    for name, module in model.named_modules():
        if name.endswith(".conv2"):
            _scale(module, part)


def _scale(module: nn.Module, factor: float) -> None:
    for parameter in module.parameters(recurse=False):
        parameter.mul_(factor)


def _clear(convolution: nn.Conv2d, row: int) -> None:
    convolution.weight[row] = 0
    _bias(convolution)[row] = 0


def _bias(convolution: nn.Conv2d) -> Tensor:
    if convolution.bias is None:
        raise ValueError("a convolution of the path has no bias")
    return convolution.bias


def _same(channels: Iterable[int]) -> list[tuple[int, int]]:
    return [(channel, channel) for channel in channels]


def _centre(convolution: nn.Conv2d) -> Tensor:
    kernel = torch.zeros(convolution.kernel_size)
    kernel[convolution.kernel_size[0] // 2, convolution.kernel_size[1] // 2] = 1
    return kernel


def _binomial() -> Tensor:
    line = torch.tensor([1.0, 2.0, 1.0])
    return torch.outer(line, line) / line.sum() ** 2
