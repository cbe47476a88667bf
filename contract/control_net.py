"""Unit of ControlNet in a request: the fields that a task may set, as the ControlNet of the image reads them.

Older versions accepted a field under two names, and modes by number. The image's version fails at both. Programs also
send units that were copied from its page, with fields that only the page uses. The edge leaves these out.
"""

from typing import Any, Final

from contract.errors import FieldError
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
    shown,
    whole,
)

#: Pictures of one unit.
MAX_UNIT_PICTURES: Final = 10
#: Longest side in pixels of what a preprocessor sees.
MAX_PROCESSOR_RESOLUTION: Final = 2048
#: Present names of fields by their older ones.
_OLDER_NAMES: Final = {"guidance": "guidance_end", "lowvram": "low_vram", "input_image": "image", "mask_image": "mask"}
#: Fields of its page and of older versions, with the value by which each asks for nothing. So do empty ones and false.
_PAGE_FIELDS: Final[dict[str, object]] = {
    **dict.fromkeys(("batch_images", "batch_image_dir", "batch_image_files", "batch_input_gallery", "batch_modifiers")),
    **dict.fromkeys(("batch_mask_dir", "batch_mask_gallery", "batch_keyframe_idx", "animatediff_batch", "output_dir")),
    **dict.fromkeys(("loopback", "use_preview_as_input", "guessmode", "guess_mode", "invert_image", "rgbbgr_mode")),
    "input_mode": "simple",
    "is_ui": True,
}
_RESIZE_MODES: Final = ("Just Resize", "Crop and Resize", "Resize and Fill")
_OLDER_RESIZE_MODES: Final = {
    "scale to fit (inner fit)": "Crop and Resize",
    "inner fit (scale to fit)": "Crop and Resize",
    "envelope (outer fit)": "Resize and Fill",
    "outer fit (shrink to fit)": "Resize and Fill",
}
_CONTROL_MODES: Final = ("Balanced", "My prompt is more important", "ControlNet is more important")


def _mode(modes: tuple[str, ...], older: dict[str, str]) -> Reader:
    """Return the reader of a mode, written as its name, an older name, or its number from 0."""
    known = {str(place): mode for place, mode in enumerate(modes)} | {mode.lower(): mode for mode in modes} | older

    def read(value: object, field: str, errors: list[FieldError]) -> str:
        word = known.get(str(value).lower()) if isinstance(value, str | int) else None
        if word is None and value != "":
            errors.append(FieldError(field, f"must be one of {', '.join(modes)}, not {shown(value)}"))
        return word or ""

    return read


_UNIT_PICTURES: Final = known_fields(each("image mask", optional_picture))


def _unit_image(value: object, field: str, errors: list[FieldError]) -> object:
    """Read the picture of a unit, with or without a mask, or several objects of both."""
    if isinstance(value, dict):
        return _without_empty(_UNIT_PICTURES(value, field, errors))
    if not isinstance(value, list):
        return optional_picture(value, field, errors)
    if value and isinstance(value[0], dict):
        read = listed(_UNIT_PICTURES, MAX_UNIT_PICTURES)(value, field, errors)
        return [_without_empty(pictures) for pictures in read]
    if len(value) != len(("picture", "mask")):
        message = f"is a list of {len(value)}; write one picture without a list, [picture, mask], or a list of objects"
        errors.append(FieldError(field, message))
        return ""
    return listed(picture, len(value))(value, field, errors)


def _without_empty(read: dict[str, Any]) -> dict[str, Any]:
    # An empty text means no value. ControlNet would read it as a picture, and fail.
    return {key: value for key, value in read.items() if value != ""}


_FIELDS: Final = known_fields(
    {
        **each("enabled low_vram lowvram pixel_perfect inpaint_crop_input_image save_detected_map", boolean),
        **each("module model hr_option pulid_mode union_control_type", name),
        **each("image input_image", _unit_image),
        **each("mask mask_image effective_region_mask", optional_picture),
        "resize_mode": _mode(_RESIZE_MODES, _OLDER_RESIZE_MODES),
        "control_mode": _mode(_CONTROL_MODES, {}),
        "weight": number(0, 2),
        "processor_res": whole(-1, MAX_PROCESSOR_RESOLUTION),
        **each("threshold_a threshold_b", number()),
        **each("guidance guidance_start guidance_end", number(0, 1)),
        "advanced_weighting": listed(number(), 32),
    }
)


def control_net_unit(value: object, field: str, errors: list[FieldError]) -> dict[str, Any]:
    """Read a unit; of a field under two names, the present name has precedence."""
    if isinstance(value, dict):
        value = {key: item for key, item in value.items() if not _asks_for_nothing(key, item)}
    read = _without_empty(_FIELDS(value, field, errors))
    return {key: item for key, item in read.items() if _OLDER_NAMES.get(key) not in read}


def _asks_for_nothing(key: str, value: object) -> bool:
    return key in _PAGE_FIELDS and (not value or value == _PAGE_FIELDS[key])
