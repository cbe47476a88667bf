"""Fields of the Web UI's requests by endpoint, and the reader of each: the content of a task is read once, at the edge.

Unknown fields go through, because the Web UI ignores them and its clients send some. A misspelt field is refused,
because the Web UI would silently make another picture.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from contract import runpod
from contract.errors import FieldError
from contract.option_values import read_options
from contract.script_check import read_scripts
from contract.script_tables import PROMPT
from contract.unknown_keys import refuse_misspelt
from contract.webui_values import (
    Reader,
    boolean,
    each,
    known_fields,
    listed,
    name,
    number,
    optional_picture,
    picture,
    read_fields,
    whole,
)

MAX_STYLES: Final = 100
#: Pictures of one request.
MAX_PICTURES: Final = 1000
#: Pixels; the time of a blur grows with it. The Web UI's own slider ends at 64.
MAX_BLUR: Final = 256

#: Fields of prompts, whose text stays text even if it begins as a link does; the last two are ADetailer's. The Web UI
#: would fetch a link in some other fields itself.
TEXT_FIELDS: Final = frozenset(
    {
        *("prompt", "negative_prompt", "hr_prompt", "hr_negative_prompt"),
        *("ad_prompt", "ad_negative_prompt"),
    }
)


def _unusable(value: object, field: str, errors: list[FieldError]) -> object:
    errors.append(FieldError(field, "cannot be used through the Web UI's API; leave it out"))
    return value


_GENERATION: Final = {
    **each("prompt negative_prompt infotext", PROMPT),
    **each("sampler_name sampler_index scheduler refiner_checkpoint script_name force_task_id", name),
    **each("seed subseed seed_resize_from_h seed_resize_from_w batch_size n_iter steps width height", whole()),
    **each("subseed_strength cfg_scale eta denoising_strength refiner_switch_at", number()),
    **each("s_min_uncond s_churn s_tmax s_tmin s_noise", number()),
    **each("restore_faces tiling do_not_save_samples do_not_save_grid send_images save_images", boolean),
    **each("override_settings_restore_afterwards disable_extra_networks", boolean),
    "styles": listed(name, MAX_STYLES),
    "comments": known_fields({}),
    "firstpass_image": _unusable,
    "override_settings": read_options,
}
_TEXT_TO_IMAGE: Final = _GENERATION | {
    "enable_hr": boolean,
    **each("firstphase_width firstphase_height hr_second_pass_steps hr_resize_x hr_resize_y", whole()),
    "hr_scale": number(),
    **each("hr_prompt hr_negative_prompt", PROMPT),
    **each("hr_upscaler hr_checkpoint_name hr_sampler_name hr_scheduler", name),
}
#: Fields that text to image has alone.
_FIRST_AND_SECOND_PASS: Final = _TEXT_TO_IMAGE.keys() - _GENERATION.keys()
_IMAGE_TO_IMAGE: Final = _GENERATION | {
    **each("mask_blur mask_blur_x mask_blur_y", whole(0, MAX_BLUR)),
    **each("resize_mode inpainting_fill inpaint_full_res_padding inpainting_mask_invert", whole()),
    **each("mask_round inpaint_full_res include_init_images", boolean),
    **each("image_cfg_scale initial_noise_multiplier", number()),
    "init_images": listed(picture, MAX_PICTURES),
    **each("mask latent_mask", optional_picture),
}
_UPSCALING: Final = {
    **each("resize_mode upscaling_resize_w upscaling_resize_h", whole()),
    **each("show_extras_results upscaling_crop upscale_first", boolean),
    **each("gfpgan_visibility codeformer_visibility codeformer_weight extras_upscaler_2_visibility", number(0, 1)),
    "upscaling_resize": number(),
    **each("upscaler_1 upscaler_2", name),
}
_FIELDS: Final[Mapping[str, Mapping[str, Reader]]] = {
    runpod.TEXT_TO_IMAGE_ENDPOINT: _TEXT_TO_IMAGE,
    runpod.IMAGE_TO_IMAGE_ENDPOINT: _IMAGE_TO_IMAGE,
    "sdapi/v1/extra-single-image": _UPSCALING | {"image": picture},
    "sdapi/v1/extra-batch-images": _UPSCALING
    # The Web UI answers an empty list without a picture and without an error.
    | {"imageList": listed(known_fields({"data": picture, "name": name}), MAX_PICTURES, min_entries=1)},
    "sdapi/v1/interrogate": {"image": picture, "model": name},
    "sdapi/v1/png-info": {"image": picture},
}
#: Fields of the pictures that other calls work on.
_INPUTS: Final = {"image": "a link to a picture, or its base64", "imageList": "a list of objects with data and name"}
#: Fields of both generations, because programs send the fields of one to the other, too.
_ALL_GENERATION: Final = _TEXT_TO_IMAGE.keys() | _IMAGE_TO_IMAGE.keys() | {"alwayson_scripts", "script_args"}
#: Fields by the names that other image generators give them.
_OTHER_NAMES: Final = {
    "cfg": "cfg_scale",
    "guidance_scale": "cfg_scale",
    "negative": "negative_prompt",
    "num_inference_steps": "steps",
    "sampler": "sampler_name",
}


def read_request(
    endpoint: str, body: dict[str, Any], *, allowed_scripts: Collection[str], field: str, errors: list[FieldError]
) -> tuple[dict[str, Any], list[str]]:
    """Return the body of a call as the Web UI will read it, and the paths of its unknown fields.

    `endpoint` has no leading slash. The runtime allows the scripts of `allowed_scripts` with any arguments.
    """
    if endpoint not in _FIELDS:
        return body, []
    generates = endpoint in runpod.GENERATION_ENDPOINTS
    names, other_names = (_ALL_GENERATION, _OTHER_NAMES) if generates else (_FIELDS[endpoint].keys(), {})
    unknown = refuse_misspelt(body, names, field, errors, owner=f"/{endpoint}", other_names=other_names)
    if endpoint == runpod.IMAGE_TO_IMAGE_ENDPOINT:
        # The Web UI ignores them here. A small `firstphase_width` must not make the work seem smaller.
        body = {key: value for key, value in body.items() if key not in _FIRST_AND_SECOND_PASS}
    read = read_fields(body, _FIELDS[endpoint], field, errors)
    if not generates:
        # The Web UI answers a call without a picture only on a replica, with "Invalid encoded image".
        missing = [name for name in _INPUTS if name in _FIELDS[endpoint] and body.get(name) is None]
        errors.extend(FieldError(f"{field}.{name}", f"is required: {_INPUTS[name]}") for name in missing)
        return read, unknown
    with_input = endpoint == runpod.IMAGE_TO_IMAGE_ENDPOINT
    read |= read_scripts(read, allowed=allowed_scripts, with_input=with_input, field=field, errors=errors)
    return read, unknown
