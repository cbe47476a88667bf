"""Unknown keys of a request: in Darkroom's own objects they are refused, in another program's the misspelt ones.

Other programs ignore keys that they do not know, and their clients send some. So a key without any likeness to a known
one is passed on, and the answer names it.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from contract.errors import FieldError
from contract.suggestions import did_you_mean, nearest
from contract.webui_values import MAX_SHOWN, MAX_UNKNOWN

#: Least share of equal letters of a misspelt key. `widht` has 0.8; Forge's `distilled_cfg_scale` has 0.64.
_LIKENESS: Final = 0.8
#: Unknown keys of one body that are compared with the known ones.
MAX_COMPARED_KEYS: Final = 50


def refuse_unknown(body: Mapping[str, Any], known: Collection[str], field: str, errors: list[FieldError]) -> None:
    """Add an error for each unknown key of one of Darkroom's own objects, whose path is `field`."""
    for key in _unknown(body, known)[:MAX_UNKNOWN]:
        advice = did_you_mean(key, known) or f"; it has {', '.join(sorted(known))}"
        place = _below(field, key)
        errors.append(FieldError(place, f"is not a key of {field.rpartition('.')[2] or 'a request'}{advice}"))


def refuse_misspelt(
    body: Mapping[str, Any],
    known: Collection[str],
    field: str,
    errors: list[FieldError],
    *,
    owner: str,
    other_names: Mapping[str, str] | None = None,
) -> list[str]:
    """Add an error for each misspelt key of another program's object, and return the paths of the other unknown keys.

    `owner` says in an error what the object is for. `other_names` has known keys by their names in other programs.
    """
    passed = []
    # A body may hold thousands of keys, and each comparison takes time.
    for key in _unknown(body, known)[:MAX_COMPARED_KEYS]:
        meant = (other_names or {}).get(key) or nearest(key, known, likeness=_LIKENESS)
        # A sender who writes the right key as well knows it; the other one is meant for another program.
        if meant and meant not in body:
            message = f"is not a field of {owner}, which would ignore it; did you mean {meant!r}?"
            errors.append(FieldError(_below(field, key), message, "unknown_field"))
        else:
            passed.append(_below(field, key))
    return passed


def _unknown(body: Mapping[str, Any], known: Collection[str]) -> list[str]:
    return [key for key, value in body.items() if value is not None and key not in known]


def _below(field: str, key: str) -> str:
    return f"{field}.{key[:MAX_SHOWN]}".removeprefix(".")
