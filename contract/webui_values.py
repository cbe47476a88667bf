"""Readers of the values in a Web UI request: each returns the value as the Web UI's pydantic 1 reads it.

The Web UI reads the text "False" as false and the text "512" as a number. A check must see what the Web UI will do, so
the edge replaces every value by what its reader returns.
"""

import contextlib
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from contract.encoded_picture import read_encoded_picture
from contract.errors import FieldError
from contract.json_values import describe
from contract.picture_formats import UnusablePicture

#: Returns the value of a field, or adds an error with the field's path.
Reader = Callable[[object, str, list[FieldError]], Any]

_TRUE: Final = frozenset({"1", "on", "t", "true", "y", "yes"})
_FALSE: Final = frozenset({"0", "off", "f", "false", "n", "no"})
#: Characters of a number that is written as text. Python needs quadratic time for thousands of digits.
MAX_DIGITS: Final = 40
#: The Web UI stores whole numbers in 64 bits.
MAX_NUMBER: Final = 2**63 - 1
#: Characters of a value or of an unknown key that an error repeats.
MAX_SHOWN: Final = 40
#: Unknown fields of one object that are named.
MAX_UNKNOWN: Final = 5
#: Characters of the name of a sampler, model or script.
MAX_NAME_LENGTH: Final = 250
_LINK_BEGINNING: Final = re.compile(r"\s*(?:https?|s3)://", re.IGNORECASE)
_LINK: Final = re.compile(r"(?:https?|s3)://[^\x00-\x1f\x7f]+", re.IGNORECASE)


def each(names: str, reader: Reader) -> dict[str, Reader]:
    """Return a table that gives every one of these names the same reader."""
    return dict.fromkeys(names.split(), reader)


def shown(value: object) -> str:
    """Return a value for an error message: a text or number is repeated, of others the type is named."""
    if isinstance(value, str):
        return repr(value[:MAX_SHOWN])
    is_number = type(value) is float or (type(value) is int and abs(value) < 10**MAX_DIGITS)
    return str(value) if is_number else describe(value)


def boolean(value: object, field: str, errors: list[FieldError]) -> bool:
    """Read true or false, also written as a text or as 0 and 1."""
    if isinstance(value, bool):
        return value
    word = value.lower() if isinstance(value, str) else str(int(value)) if value in (0, 1) else ""
    if word not in _TRUE | _FALSE:
        errors.append(FieldError(field, f"must be true or false, not {shown(value)}"))
    return word in _TRUE


def whole(minimum: int = -MAX_NUMBER, maximum: int = MAX_NUMBER) -> Reader:
    """Return the reader of whole numbers in these bounds; it cuts a fraction off, as the Web UI does."""

    def read(value: object, field: str, errors: list[FieldError]) -> int:
        return int(_read_number(int, "a whole number", value, (minimum, maximum), field, errors))

    return read


def number(minimum: float = -MAX_NUMBER, maximum: float = MAX_NUMBER) -> Reader:
    """Return the reader of numbers in these bounds."""

    def read(value: object, field: str, errors: list[FieldError]) -> float:
        return _read_number(float, "a number", value, (minimum, maximum), field, errors)

    return read


def choice(*words: str) -> Reader:
    """Return the reader of one of these words, in any case of letters."""
    by_word = {word.lower(): word for word in words}

    def read(value: object, field: str, errors: list[FieldError]) -> str:
        word = by_word.get(value[:MAX_SHOWN].lower()) if isinstance(value, str) else None
        if word is None:
            errors.append(FieldError(field, f"must be one of {', '.join(words)}, not {shown(value)}"))
        return word or words[0]

    return read


def text(max_length: int) -> Reader:
    """Return the reader of texts; the Web UI reads a number as its digits."""

    def read(value: object, field: str, errors: list[FieldError]) -> str:
        if isinstance(value, int | float):
            value = str(value)
        if not isinstance(value, str):
            errors.append(FieldError(field, f"must be a text, not {describe(value)}"))
            return ""
        if len(value) > max_length:
            message = f"has {len(value)} characters; {max_length} are accepted"
            errors.append(FieldError(field, message, "limit_exceeded"))
        return value

    return read


def name(value: object, field: str, errors: list[FieldError]) -> str:
    """Read the name of a sampler, model, script or the like; it holds no link, because no part fetches one there."""
    read: str = _NAME_TEXT(value, field, errors)
    if begins_as_link(read):
        errors.append(FieldError(field, f"must be a name, not the link {read.strip()[:MAX_SHOWN]!r}"))
    return read


def picture(value: object, field: str, errors: list[FieldError]) -> str:
    """Read a picture: one whole link, or base64, which becomes plain.

    ControlNet opens a text that is the path of a file, and a path may look like base64. So the text must begin as an
    encoded picture does.
    """
    problem = f"not {describe(value)}"
    if isinstance(value, str):
        read = value.strip()
        try:
            if not begins_as_link(read):
                return read_encoded_picture(read)
            if _LINK.fullmatch(read):
                return read
            problem = "not a link with a line break or another control character in it"
        except UnusablePicture as error:
            problem = f"but {error.message}"
    errors.append(FieldError(field, f"must be a picture, as one whole link or as base64, {problem}"))
    return ""


def optional_picture(value: object, field: str, errors: list[FieldError]) -> str:
    """Read a picture, or an empty text, which the Web UI and ControlNet take for none."""
    return "" if value == "" else picture(value, field, errors)


def begins_as_link(value: str) -> bool:
    """Return True if a text begins with the scheme of a link, as an HTTP client reads it."""
    return bool(_LINK_BEGINNING.match(value))


def listed(entry: Reader, max_entries: int, *, min_entries: int = 0) -> Reader:
    """Return the reader of a list of `min_entries` to `max_entries` values."""

    def read(value: object, field: str, errors: list[FieldError]) -> list[Any]:
        if not isinstance(value, list):
            errors.append(FieldError(field, f"must be a list, not {describe(value)}"))
            return []
        if len(value) > max_entries:
            message = f"has {len(value)} entries; {max_entries} are accepted"
            errors.append(FieldError(field, message, "limit_exceeded"))
            return []
        if len(value) < min_entries:
            errors.append(FieldError(field, f"has {len(value)} entries; write at least {min_entries}"))
        return [entry(item, f"{field}[{index}]", errors) for index, item in enumerate(value)]

    return read


def known_fields(readers: Mapping[str, Reader]) -> Reader:
    """Return the reader of an object that has these fields only."""

    def read(value: object, field: str, errors: list[FieldError]) -> dict[str, Any]:
        if not isinstance(value, dict):
            errors.append(FieldError(field, f"must be an object, not {describe(value)}"))
            return {}
        present = {key: item for key, item in value.items() if item is not None}
        for key in [key for key in present if key not in readers][:MAX_UNKNOWN]:
            message = f"is not a field that tasks may set; those are {', '.join(sorted(readers))}"
            errors.append(FieldError(f"{field}.{key[:MAX_SHOWN]}", message))
        return read_fields(present, readers, field, errors)

    return read


_NAME_TEXT: Final = text(MAX_NAME_LENGTH)


def read_fields(
    body: Mapping[str, Any], readers: Mapping[str, Reader], field: str, errors: list[FieldError]
) -> dict[str, Any]:
    """Return `body` as the readers of its fields read it; `field` is its path.

    A field that is null is left out, because the Web UI then uses its default. Fields without a reader stay.
    """
    result = {}
    for name, value in body.items():
        if value is not None:
            reader = readers.get(name)
            result[name] = reader(value, f"{field}.{name}", errors) if reader else value
    return result


def _read_number(
    kind: type[int | float],
    word: str,
    value: object,
    bounds: tuple[float, float],
    field: str,
    errors: list[FieldError],
) -> float:
    minimum, maximum = bounds
    read: float = math.nan
    if isinstance(value, int | float) or (isinstance(value, str) and len(value) <= MAX_DIGITS):
        with contextlib.suppress(ValueError, OverflowError):
            read = value if type(value) is int else kind(value)
    if isinstance(read, float) and not math.isfinite(read):
        errors.append(FieldError(field, f"must be {word}, not {shown(value)}"))
    elif not minimum <= read <= maximum:
        message = f"is {str(read)[:MAX_SHOWN]}; {minimum:g} to {maximum:g} are accepted"
        errors.append(FieldError(field, message, "limit_exceeded" if read > maximum else "invalid_field"))
    else:
        return read
    return 0
