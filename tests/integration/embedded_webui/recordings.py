"""Recorded responses of SD Web UI v1.10.1: status, keys and types, in `recorded_answers.json`.

A shape is a type name, several with `|`, `[shape]` or `{key: shape}`; a key with `?` may be missing.
"""

import json
from pathlib import Path
from typing import Any

RECORDED = json.loads(Path(__file__).with_name("recorded_answers.json").read_text(encoding="utf-8"))
ANSWERS = {answer["name"]: answer for answer in RECORDED["answers"]}

#: Options that a Web UI with its pages has, while the recorded one ran without.
PAGE_OPTIONS = {
    **dict.fromkeys(("ldsr_steps", "SCUNET_tile", "SCUNET_tile_overlap", "SWIN_tile", "SWIN_tile_overlap"), "int"),
    **dict.fromkeys(("ldsr_cached", "SWIN_torch_compile"), "bool"),
    **dict.fromkeys(("hypertile_enable_unet", "hypertile_enable_unet_secondpass", "hypertile_enable_vae"), "bool"),
    **{
        f"hypertile_{name}_{part}": "int" for name in ("max_depth", "max_tile", "swap_size") for part in ("unet", "vae")
    },
    "hypertile_explanation": "str",
}
#: Keys whose type differs from the recording: a models folder may be given, and a Web UI of a dynamic runtime starts
#: without a model. An option that a test set before is a fraction in the real Web UI as well.
_OTHER_TYPES = {
    "get_cmd_flags": {"models_dir": "null|str"},
    "get_options": {
        "CLIP_stop_at_last_layers": "float|int",
        "sd_model_checkpoint": "null|str",
        **{f"{name}?": kind for name, kind in PAGE_OPTIONS.items()},
    },
}


def recorded_shape(name: str) -> Any:
    """Return the shape of a recorded response, None if only its status or its whole body counts."""
    recorded = ANSWERS[name]
    if "answer" in recorded:
        return _generation_shape(recorded)
    shape = recorded.get("shape")
    if "keys_by_type" in recorded:
        shape = {key: json.loads(kind) for kind, keys in recorded["keys_by_type"].items() for key in keys}
    return shape | _OTHER_TYPES[name] if name in _OTHER_TYPES else shape


def _generation_shape(recorded: dict[str, Any]) -> dict[str, Any]:
    shape: dict[str, Any] = json.loads(json.dumps(RECORDED["shapes"][recorded["answer"]]))
    for place, other in recorded.get("other_types", {}).items():
        part, key = place.split(".")
        shape[part][key] = other
        if other is None:
            del shape[part][key]
    return shape


def mismatches(value: Any, shape: Any, place: str = "") -> list[str]:
    """Return each place of `value` with another type, a key too many or too few. An empty list fits any list."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{place}: {value!r} is no object"]
        keys = {key.removesuffix("?") for key in shape}
        problems = [f"{place}.{key}: not in the recording" for key in value.keys() - keys]
        problems += [f"{place}.{key}: missing" for key in shape if not key.endswith("?") and key not in value]
        for key, inner in shape.items():
            if (plain := key.removesuffix("?")) in value:
                problems += mismatches(value[plain], inner, f"{place}.{plain}")
        return problems
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{place}: {value!r} is no list"]
        inner = shape[0] if shape else None
        return [problem for item in value if inner for problem in mismatches(item, inner, f"{place}[]")]
    kinds = shape.split("|")
    if isinstance(value, list) and any(kind.startswith("[") for kind in kinds):
        return []
    kind = {type(None): "null"}.get(type(value), type(value).__name__)
    return [] if kind in kinds else [f"{place}: {value!r} is {kind}, not {shape}"]
