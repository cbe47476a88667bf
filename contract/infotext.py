"""Infotext of a request: the parameters of a picture as text, from which the Web UI fills in what a request leaves out.

The edge fills the fields in itself, so that limits and names are checked in what the Web UI will do.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_FIELD: Final = "infotext"
_NEGATIVE: Final = "Negative prompt:"
#: Settings in the last line, below which it is part of the prompt.
_MIN_SETTINGS: Final = 3
#: A name has an end, because the Web UI would otherwise look at each of its letters for one.
_SETTING: Final = re.compile(r'(\w[\w \-/]{1,100}+):\s*+("(?:\\.|[^\\"])++"|[^,]*+)(?:,|$)')
_SIZE: Final = re.compile(r"(\d{1,9})x(\d{1,9})")
#: Fields by the settings from which the Web UI fills them in.
_FIELDS: Final = {
    "Prompt": "prompt",
    "Negative prompt": "negative_prompt",
    "Steps": "steps",
    "Sampler": "sampler_name",
    "Schedule type": "scheduler",
    "CFG scale": "cfg_scale",
    "Seed": "seed",
    "Variation seed": "subseed",
    "Variation seed strength": "subseed_strength",
    "Seed resize from-1": "seed_resize_from_w",
    "Seed resize from-2": "seed_resize_from_h",
    "Size-1": "width",
    "Size-2": "height",
    "Batch size": "batch_size",
    "Denoising strength": "denoising_strength",
    "Refiner": "refiner_checkpoint",
    "Refiner switch at": "refiner_switch_at",
}
_SECOND_PASS: Final = {
    "Hires upscale": "hr_scale",
    "Hires upscaler": "hr_upscaler",
    "Hires resize-1": "hr_resize_x",
    "Hires resize-2": "hr_resize_y",
    "Hires steps": "hr_second_pass_steps",
    "Hires checkpoint": "hr_checkpoint_name",
    "Hires sampler": "hr_sampler_name",
    "Hires schedule type": "hr_scheduler",
    "Hires prompt": "hr_prompt",
    "Hires negative prompt": "hr_negative_prompt",
}
#: Settings that show that a picture had a second pass.
_SECOND_PASS_SIGNS: Final = frozenset({"Hires upscale", "Hires upscaler", "Hires resize-1"})
_OPTIONS: Final = {"Clip skip": "CLIP_stop_at_last_layers", "VAE": "sd_vae", "ENSD": "eta_noise_seed_delta"}


def fill_from_infotext(body: Mapping[str, Any], *, with_second_pass: bool) -> tuple[dict[str, Any], list[str]]:
    """Return a generation's body without its infotext, and the fields that the infotext has filled in."""
    text = body.get(_FIELD)
    if not isinstance(text, str):
        return dict(body), []
    settings = dict(_settings(text))
    fields = _FIELDS | (_SECOND_PASS if with_second_pass else {})
    filled: dict[str, Any] = {fields[name]: value for name, value in settings.items() if name in fields}
    if with_second_pass and "Denoising strength" in settings and _SECOND_PASS_SIGNS & settings.keys():
        filled["enable_hr"] = True
    filled = {name: value for name, value in filled.items() if name not in body}
    options = {option: settings[name] for name, option in _OPTIONS.items() if name in settings}
    given = body.get("override_settings")
    if options and (given is None or isinstance(given, dict)):
        filled["override_settings"] = options | (given or {})
    rest = {name: value for name, value in body.items() if name != _FIELD}
    return rest | filled, list(filled)


def _settings(text: str) -> Iterator[tuple[str, str]]:
    *lines, last = text.strip().split("\n")
    found = _SETTING.findall(last)
    if len(found) < _MIN_SETTINGS:
        lines, found = [*lines, last], []
    prompt, _, negative = "\n".join(lines).partition(_NEGATIVE)
    yield "Prompt", prompt.strip()
    yield "Negative prompt", negative.strip()
    for name, value in found:
        plain = _unquoted(value.strip())
        if size := _SIZE.fullmatch(plain):
            yield from ((f"{name}-{number}", side) for number, side in enumerate(size.groups(), start=1))
        else:
            yield name, plain


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value
