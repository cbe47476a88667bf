"""Fields of requests as the Web UI reads them: numbers and base64."""

import base64
import binascii
from typing import Any, Final

#: Fields of a generation that must be numbers; the Web UI answers 422 otherwise.
NUMBERS: Final = ("steps", "cfg_scale", "seed", "width", "height", "batch_size", "n_iter", "denoising_strength")


def is_number(value: object) -> bool:
    """Return True if the Web UI reads the value as a number, or as a missing one."""
    try:
        float(value)  # type: ignore[arg-type] # the question is whether it can be one
    except (TypeError, ValueError):
        return value is None
    return True


def not_a_number(name: str) -> dict[str, Any]:
    """Return the entry of a 422 answer for a field that is not a number."""
    return {"loc": ["body", name], "msg": "value is not a valid float", "type": "type_error.float"}


def decoded(text: object) -> bytes | None:
    """Return the bytes of a base64 text, with or without a data URL's head; None if it is not base64."""
    try:
        return base64.b64decode(str(text).rpartition(",")[2], validate=True) or None
    except (binascii.Error, ValueError):
        return None
