"""Tables of the Web UI's scripts: the arguments that a task may give to each, in their order.

A script without a table is refused, unless the runtime allows it by name. No table exists for "prompts from file or
textbox", whose text holds options of the command line, and for "custom code".
"""

from collections.abc import Mapping
from typing import Final

from contract.control_net import control_net_unit
from contract.errors import FieldError
from contract.webui_values import (
    Reader,
    boolean,
    choice,
    each,
    known_fields,
    listed,
    name,
    number,
    text,
    whole,
)

#: Characters of a prompt; the longest known ones have some thousand.
MAX_PROMPT_LENGTH: Final = 65_536
#: Units of ControlNet and of ADetailer in one request.
MAX_UNITS: Final = 10
#: Values of one axis of the plot, as text.
MAX_AXIS_LENGTH: Final = 4000
#: Values of one axis of the plot.
MAX_AXIS_VALUES: Final = 100


def _unset_as(unset: object, reader: Reader) -> Reader:
    """Return a reader that also reads null, by which `script-info` shows an argument without a value."""
    return lambda value, field, errors: unset if value is None else reader(value, field, errors)


PROMPT: Final = text(MAX_PROMPT_LENGTH)
_SHARE: Final = number(0, 1)
_LABEL: Final = _unset_as("", text(1000))
_DIRECTIONS: Final = listed(choice("left", "right", "up", "down"), 4)

#: Axes of the plot by their place in the script's list, for `txt2img`.
TEXT_TO_IMAGE_AXES: Final = (
    *("Nothing", "Seed", "Var. seed", "Var. strength", "Steps", "Hires steps", "CFG Scale", "Prompt S/R"),
    *("Prompt order", "Sampler", "Hires sampler", "Checkpoint name", "Negative Guidance minimum sigma"),
    *("Sigma Churn", "Sigma min", "Sigma max", "Sigma noise", "Schedule type", "Schedule min sigma"),
    *("Schedule max sigma", "Schedule rho", "Beta schedule alpha", "Beta schedule beta", "Eta"),
    *("Clip skip", "Denoising", "Initial noise multiplier", "Extra noise", "Hires upscaler", "VAE"),
    *("Styles", "UniPC Order", "Face restore", "Token merging ratio", "Token merging ratio high-res"),
    *("Always discard next-to-last sigma", "SGM noise multiplier", "Refiner checkpoint"),
    *("Refiner switch at", "RNG source", "FP8 mode", "Size"),
)
_HIRES_AXES: Final = {"Hires steps", "Hires sampler", "Hires upscaler"}
_PLACE_OF: Final = {"Image CFG Scale": "Prompt S/R", "Cond. Image Mask Weight": "VAE"}


def _image_to_image_axes() -> list[str]:
    axes = [axis for axis in TEXT_TO_IMAGE_AXES if axis not in _HIRES_AXES]
    for axis, following in _PLACE_OF.items():
        axes.insert(axes.index(following), axis)
    return axes


#: The same for `img2img`.
IMAGE_TO_IMAGE_AXES: Final = _image_to_image_axes()

_AXIS: Final[tuple[Reader, ...]] = (
    whole(0, len(TEXT_TO_IMAGE_AXES) - 1),
    text(MAX_AXIS_LENGTH),
    _unset_as([], listed(name, MAX_AXIS_VALUES)),
)
PLOT: Final = "x/y/z plot"
SD_UPSCALE: Final = "sd upscale"
#: Scripts that `script_name` may name; each receives all of its arguments.
SELECTABLE: Final[Mapping[str, tuple[Reader, ...]]] = {
    "prompt matrix": (
        boolean,
        boolean,
        choice("positive", "negative"),
        choice("comma", "space"),
        whole(0, 500),
    ),
    PLOT: (*_AXIS, *_AXIS, *_AXIS, *(boolean,) * 7, whole(0, 500), boolean),
    "img2img alternative test": (
        *(_LABEL, boolean, boolean, PROMPT, PROMPT, boolean, whole(1, 150)),
        *(boolean, number(0, 15), _SHARE, boolean),
    ),
    "loopback": (
        *(whole(1, 32), _SHARE, choice("Aggressive", "Linear", "Lazy")),
        choice("None", "CLIP", "DeepBooru"),
    ),
    "outpainting mk2": (_LABEL, whole(8, 256), whole(0, 64), _DIRECTIONS, number(0, 4), _SHARE),
    "poor man's outpainting": (
        *(whole(8, 256), whole(0, 64)),
        choice("fill", "original", "latent noise", "latent nothing"),
        _DIRECTIONS,
    ),
    SD_UPSCALE: (_LABEL, whole(0, 256), name, number(1, 4)),
}

_ADETAILER_UNIT: Final = known_fields(
    {
        **each("ad_prompt ad_negative_prompt", PROMPT),
        **each("ad_model ad_model_classes ad_mask_filter_method ad_mask_merge_invert ad_checkpoint ad_vae", name),
        **each("ad_sampler ad_scheduler ad_controlnet_model ad_controlnet_module", name),
        **each("ad_tab_enable ad_inpaint_only_masked ad_use_inpaint_width_height ad_use_steps", boolean),
        **each("ad_use_cfg_scale ad_use_checkpoint ad_use_vae ad_use_sampler ad_use_clip_skip", boolean),
        **each("ad_use_noise_multiplier ad_restore_face", boolean),
        **each("ad_confidence ad_mask_min_ratio ad_mask_max_ratio ad_denoising_strength", _SHARE),
        **each("ad_controlnet_guidance_start ad_controlnet_guidance_end", _SHARE),
        "ad_mask_k": whole(0, 100),
        "ad_mask_k_largest": whole(0, 100),
        "ad_dilate_erode": whole(-128, 128),
        "ad_x_offset": whole(-2048, 2048),
        "ad_y_offset": whole(-2048, 2048),
        "ad_mask_blur": whole(0, 64),
        "ad_inpaint_only_masked_padding": whole(0, 512),
        "ad_inpaint_width": whole(64, 2048),
        "ad_inpaint_height": whole(64, 2048),
        "ad_steps": whole(1, 150),
        "ad_cfg_scale": number(0, 30),
        "ad_noise_multiplier": number(0.5, 1.5),
        "ad_clip_skip": whole(1, 12),
        "ad_controlnet_weight": number(0, 2),
    }
)


def _adetailer_argument(value: object, field: str, errors: list[FieldError]) -> object:
    """Read one argument of ADetailer: its first are booleans, the others are units."""
    if not isinstance(value, dict):
        return boolean(value, field, errors)
    # ADetailer shows `is_api` with its units, and sets it itself.
    return _ADETAILER_UNIT({key: item for key, item in value.items() if key != "is_api"}, field, errors)


#: Scripts that `alwayson_scripts` may name; each receives as many of its arguments as the task gives.
ALWAYS_ON: Final[Mapping[str, tuple[Reader, ...]]] = {
    "controlnet": (control_net_unit,) * MAX_UNITS,
    "adetailer": (_adetailer_argument,) * (MAX_UNITS + 2),
    "extra options": (),
    "hypertile": (),
    "refiner": (boolean, name, _SHARE),
    "sampler": (whole(1, 150), name, name),
    "seed": (whole(), boolean, whole(), _SHARE, whole(0, 2048), whole(0, 2048)),
    "soft inpainting": (boolean, number(0, 8), number(0, 8), number(1, 32), _SHARE, number(0, 8), number(0, 8)),
}
