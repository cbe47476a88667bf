"""Arguments that no guard may let through to a Web UI, because the real one runs, reads or fetches what they name.

The stub records them. A test that finds a record has found a hole in the guard.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

#: Path of the recorded violations, outside the Web UI's own API.
VIOLATIONS_PATH: Final = "/violations"
#: Fields of a ControlNet unit that unpickle, write files, or decide where files are read and written.
_HOSTILE_UNIT_FIELDS: Final = re.compile(r"ipadapter_input|batch_\w+|output_dir|is_ui|input_mode")
#: Fields of a ControlNet unit that hold an image; the real one opens a path and fetches an address.
_UNIT_IMAGES: Final = ("image", "input_image", "mask", "mask_image", "effective_region_mask")
#: Scripts that read files, write files or run code.
_HOSTILE_SCRIPTS: Final = frozenset({"prompts from file or textbox", "custom code"})
_ADDRESS: Final = re.compile(r"\s*https?:", re.IGNORECASE)
#: Text fields whose names do not end in `prompt`.
_TEXTS: Final = frozenset({"infotext", "sd_model_checkpoint"})
#: Begin of a JPEG in base64, which looks like a path.
_JPEG: Final = "/9j/"


def violations_in(body: object) -> list[str]:
    """Return the place and kind of each hostile argument in the body of a request."""
    if not isinstance(body, Mapping):
        return []
    found = [f"{place}: an address" for place in _addresses(body, "")]
    scripts = body.get("alwayson_scripts")
    scripts = scripts if isinstance(scripts, Mapping) else {}
    found += [f"{name}: a script" for name in (body.get("script_name"), *scripts) if _is_hostile_script(name)]
    for name, script in scripts.items():
        if name.lower() == "controlnet" and isinstance(script, Mapping) and isinstance(script.get("args"), list):
            for number, unit in enumerate(script["args"]):
                if isinstance(unit, Mapping):
                    place = f"alwayson_scripts.{name}.args[{number}]"
                    found += [f"{place}.{problem}" for problem in _of_unit(unit)]
    return found


def _is_hostile_script(name: object) -> bool:
    return str(name).lower() in _HOSTILE_SCRIPTS


def _of_unit(unit: Mapping[str, Any]) -> Iterator[str]:
    for field, value in unit.items():
        # The validators of the real one run for every value, also in a unit that is not enabled.
        if _HOSTILE_UNIT_FIELDS.fullmatch(field) and value is not None:
            yield f"{field}: a hostile field"
        if field in _UNIT_IMAGES:
            parts = value.items() if isinstance(value, Mapping) else [("", value)]
            yield from (f"{field}{part and '.'}{part}: a path" for part, image in parts if _is_path(image))


def _is_path(image: object) -> bool:
    """Return True if a text is neither an address nor an image in base64."""
    if not isinstance(image, str) or not image or _ADDRESS.match(image):
        return False
    text = re.sub(r"\s", "", image.partition(",")[2] if image.startswith("data:") else image)
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return True
    return text.startswith("/") and not text.startswith(_JPEG)


def _addresses(value: object, place: str) -> Iterator[str]:
    """Yield the place of each address outside of texts; the real Web UI may fetch it."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not (isinstance(inner, str) and (str(key).endswith("prompt") or key in _TEXTS)):
                yield from _addresses(inner, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _addresses(inner, f"{place}[{number}]")
    elif isinstance(value, str) and _ADDRESS.match(value):
        yield place
