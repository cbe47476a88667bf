"""Options of the Web UI: those that a task may override, and checks of their values.

The Web UI itself accepts any value, and a wrong type breaks all later requests. Many of its options name paths,
commands or settings of the server. So a task may override only those that change its picture and nothing else.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final

from contract.errors import FieldError
from contract.json_values import describe
from contract.suggestions import did_you_mean
from contract.webui_values import MAX_SHOWN, Reader, boolean, choice, each, name, number, read_fields, text, whole

#: Problems in one error.
MAX_PROBLEMS: Final = 10
#: Characters of an unknown key that its error repeats.
MAX_KEY_LENGTH: Final = 100
#: Larger whole numbers are not exact in JSON. Much larger ones do not even fit into the Web UI's responses.
MAX_NUMBER: Final = 2**53
#: Characters of a text; the longest that the Web UI itself shows is a page of explanation.
MAX_TEXT_LENGTH: Final = 10_000
#: Entries of a list.
MAX_ENTRIES: Final = 1000

_SHARE: Final = number(0, 1)
#: Options that change the picture and nothing else, with their readers.
PICTURE_OPTIONS: Final[Mapping[str, Reader]] = {
    **each(
        """
        always_discard_next_to_last_sigma auto_backcompat batch_cond_uncond enable_batch_seeds enable_pnginfo
        enable_prompt_comments enable_quantization face_restoration hires_fix_use_firstpass_conds
        img2img_color_correction no_dpmpp_sde_batch_determinism overlay_inpaint pad_cond_uncond pad_cond_uncond_v0
        refiner_switch_by_sample_steps return_mask return_mask_composite s_min_uncond_all sdxl_clip_l_skip
        sd_vae_overrides_per_model_preferences sgm_noise_multiplier tiling uni_pc_lower_order_final upcast_attn
        use_downcasted_alpha_bar use_old_emphasis_implementation use_old_karras_scheduler_sigmas use_old_scheduling
        webp_lossless
        """,
        boolean,
    ),
    **each(
        """
        ddim_discretize emphasis face_restoration_model hires_fix_refiner_pass sd_model_checkpoint sd_noise_schedule
        sd_vae uni_pc_skip_type uni_pc_variant upscaler_for_img2img
        """,
        name,
    ),
    **each(
        "code_former_weight eta_ancestral eta_ddim img2img_extra_noise inpainting_mask_weight skip_early_cond",
        _SHARE,
    ),
    **each("token_merging_ratio token_merging_ratio_hr token_merging_ratio_img2img", number(0, 0.9)),
    **each("beta_dist_alpha beta_dist_beta extra_networks_default_multiplier", number(0, 2)),
    **each("rho s_churn s_min_uncond s_noise s_tmax s_tmin sigma_max sigma_min", number(0, 1000)),
    **each("sdxl_refiner_high_aesthetic_score sdxl_refiner_low_aesthetic_score", number(0, 100)),
    **each("sdxl_crop_left sdxl_crop_top", whole(0, 8192)),
    **each("DAT_tile ESRGAN_tile", whole(16, 512)),
    **each("DAT_tile_overlap ESRGAN_tile_overlap", whole(0, 48)),
    "CLIP_stop_at_last_layers": whole(1, 12),
    "comma_padding_backtrack": whole(0, 74),
    "eta_noise_seed_delta": whole(),
    "img2img_background_color": text(7),
    "initial_noise_multiplier": number(0, 1.5),
    "jpeg_quality": whole(1, 100),
    "randn_source": choice("GPU", "CPU", "NV"),
    "samples_format": choice("png", "jpg", "jpeg", "webp"),
    "uni_pc_order": whole(1, 50),
}
_NO_FILES: Final = "leave it out, because the Web UI neither stores files nor adds a grid for tasks"
#: Advice for options that many programs send.
_ADVICE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("do_not_show_images", "grid_save", "return_grid", "samples_save"), _NO_FILES),
    "control_net_no_detectmap": "write `save_detected_map: false` in the unit of ControlNet",
}
#: Pixels of the side of an upscaler's tile, unless the task sets it.
_DEFAULT_TILE: Final = 192
#: Where the list is.
OPTIONS_PAGE: Final = "docs/reference/tasks.md#options"


def read_options(values: object, field: str, errors: list[FieldError]) -> dict[str, Any]:
    """Return a task's options as their readers return them; `field` is their path."""
    if not isinstance(values, dict):
        errors.append(FieldError(field, f"must be an object, not {describe(values)}"))
        return {}
    for key in [key for key in values if key not in PICTURE_OPTIONS][:MAX_PROBLEMS]:
        suggestion = f"; {_ADVICE[key]}" if key in _ADVICE else did_you_mean(key, PICTURE_OPTIONS)
        message = f"is not among the options that tasks may set, which {OPTIONS_PAGE} lists{suggestion}"
        errors.append(FieldError(f"{field}.{key[:MAX_SHOWN]}", message, "unknown_option"))
    read = read_fields(values, PICTURE_OPTIONS, field, errors)
    for upscaler in ("DAT", "ESRGAN"):
        tile, overlap = f"{upscaler}_tile", f"{upscaler}_tile_overlap"
        most = read.get(tile, _DEFAULT_TILE) // 2
        if read.get(overlap, 0) > most:
            # With 15 of 16 pixels in common, an upscaler would make a picture 256 times.
            message = f"is {read[overlap]}; half of {tile} is accepted, {most}"
            errors.append(FieldError(f"{field}.{overlap}", message, "limit_exceeded"))
    return read


def option_problems(values: Mapping[str, Any], shown: Mapping[str, Any], field: str) -> list[FieldError]:
    """Return the errors of `values`, whose path is `field`: unknown keys, and other types than the Web UI's.

    `shown` are the Web UI's options, as `GET options` shows them.
    """
    problems = (_problem(key, value, shown, f"{field}.{key[:MAX_KEY_LENGTH]}") for key, value in values.items())
    return list(itertools.islice(filter(None, problems), MAX_PROBLEMS))


def _problem(key: str, value: object, shown: Mapping[str, Any], field: str) -> FieldError | None:
    if key not in shown:
        return FieldError(field, f"the Web UI has no such option{did_you_mean(key, shown)}", "unknown_option")
    expected, fits = _expected(shown[key])
    return None if fits(value) else FieldError(field, f"must be {expected}, not {describe(value)}")


def _expected(now: object) -> tuple[str, Callable[[object], bool]]:
    """Return the values that an option with the present value accepts: in words, and as a test of a value."""
    match now:
        case bool():
            return "true or false", lambda value: isinstance(value, bool)
        case int() | float():
            return f"a number from -{MAX_NUMBER} to {MAX_NUMBER}", _is_number
        case str():
            return f"text of at most {MAX_TEXT_LENGTH} characters", _is_text
        case list():
            # The Web UI's lists are lists of words.
            return f"a list of at most {MAX_ENTRIES} texts", _is_list_of_texts
        case None:
            # The option is unset, so its type is unknown. Options that are null by default are names.
            return "a name or null", lambda value: value is None or _is_text(value)
    return "left alone by tasks", lambda _: False


def _is_number(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and abs(value) <= MAX_NUMBER


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MAX_ENTRIES and all(map(_is_text, value))


def _is_text(value: object) -> bool:
    if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair is legal in JSON's escapes, but with it the Web UI could never again show its options.
        return False
    return True
