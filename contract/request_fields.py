"""Fields of the Web UI's requests by endpoint, and the reader of each: the content of a task is read once, at the edge.

Unknown fields go through, because the Web UI ignores them.
"""

from collections.abc import Mapping
from typing import Any, Final

from contract import runpod
from contract.errors import FieldError
from contract.webui_values import Reader, boolean, listed, number, read_fields, text, whole

#: Characters of a prompt; the longest known ones have some thousand.
MAX_PROMPT_LENGTH: Final = 65_536
#: Characters of the name of a sampler, model or script.
MAX_NAME_LENGTH: Final = 250
MAX_STYLES: Final = 100
#: Pixels; the time of a blur grows with it. The Web UI's own slider ends at 64.
MAX_BLUR: Final = 256

_PROMPT: Final = text(MAX_PROMPT_LENGTH)
_NAME: Final = text(MAX_NAME_LENGTH)


def _each(names: str, reader: Reader) -> dict[str, Reader]:
    return dict.fromkeys(names.split(), reader)


_GENERATION: Final = {
    **_each("prompt negative_prompt infotext", _PROMPT),
    **_each("sampler_name sampler_index scheduler refiner_checkpoint script_name force_task_id", _NAME),
    **_each("seed subseed seed_resize_from_h seed_resize_from_w batch_size n_iter steps width height", whole()),
    **_each("subseed_strength cfg_scale eta denoising_strength refiner_switch_at", number()),
    **_each("s_min_uncond s_churn s_tmax s_tmin s_noise", number()),
    **_each("restore_faces tiling do_not_save_samples do_not_save_grid send_images save_images", boolean),
    **_each("override_settings_restore_afterwards disable_extra_networks", boolean),
    "styles": listed(_NAME, MAX_STYLES),
}
_TEXT_TO_IMAGE: Final = _GENERATION | {
    "enable_hr": boolean,
    **_each("firstphase_width firstphase_height hr_second_pass_steps hr_resize_x hr_resize_y", whole()),
    "hr_scale": number(),
    **_each("hr_prompt hr_negative_prompt", _PROMPT),
    **_each("hr_upscaler hr_checkpoint_name hr_sampler_name hr_scheduler", _NAME),
}
_IMAGE_TO_IMAGE: Final = _GENERATION | {
    **_each("mask_blur mask_blur_x mask_blur_y", whole(0, MAX_BLUR)),
    **_each("resize_mode inpainting_fill inpaint_full_res_padding inpainting_mask_invert", whole()),
    **_each("mask_round inpaint_full_res include_init_images", boolean),
    **_each("image_cfg_scale initial_noise_multiplier", number()),
}
_UPSCALING: Final = {
    **_each("resize_mode upscaling_resize_w upscaling_resize_h", whole()),
    **_each("show_extras_results upscaling_crop upscale_first", boolean),
    **_each("gfpgan_visibility codeformer_visibility codeformer_weight extras_upscaler_2_visibility", number(0, 1)),
    "upscaling_resize": number(),
    **_each("upscaler_1 upscaler_2", _NAME),
}
_FIELDS: Final[Mapping[str, Mapping[str, Reader]]] = {
    runpod.TEXT_TO_IMAGE_ENDPOINT: _TEXT_TO_IMAGE,
    runpod.IMAGE_TO_IMAGE_ENDPOINT: _IMAGE_TO_IMAGE,
    "sdapi/v1/extra-single-image": _UPSCALING,
    "sdapi/v1/extra-batch-images": _UPSCALING,
    "sdapi/v1/interrogate": {"model": _NAME},
}


def read_request(endpoint: str, body: dict[str, Any], field: str, errors: list[FieldError]) -> dict[str, Any]:
    """Return the body of a call as the Web UI will read it; `field` is its path. Add an error for each broken field."""
    return read_fields(body, _FIELDS.get(endpoint, {}), field, errors)
