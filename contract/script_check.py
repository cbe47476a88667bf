"""Check of the scripts that a request names, and of the arguments that it gives to each."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from contract.errors import FieldError
from contract.json_values import describe
from contract.plot import read_plot
from contract.script_tables import ALWAYS_ON, PLOT, SELECTABLE
from contract.webui_values import MAX_SHOWN, MAX_UNKNOWN, Reader

_CODE: Final = "unknown_script"
#: Scripts of the Web UI that run for every request, without arguments. It does not list them, but payloads copied from
#: its page name them.
_ALWAYS_RUNNING: Final = frozenset({"comments"})
#: Arguments of a script without a table.
MAX_ARGUMENTS: Final = 200


def read_scripts(
    body: Mapping[str, Any], *, allowed: Collection[str], with_input: bool, field: str, errors: list[FieldError]
) -> dict[str, Any]:
    """Return the scripts of a txt2img body, or of an img2img one (`with_input`), as the tables' readers return them.

    The runtime allows the scripts of `allowed` with any arguments; a table has precedence.
    """
    names = {name.lower() for name in allowed}
    result: dict[str, Any] = {}
    if body.get("alwayson_scripts") is not None:
        place = f"{field}.alwayson_scripts"
        result["alwayson_scripts"] = _read_always_on(body["alwayson_scripts"], names, place, errors)
    script, place = body.get("script_name"), f"{field}.script_args"
    arguments = body.get("script_args") or []
    if not isinstance(arguments, list):
        errors.append(FieldError(place, f"must be a list, not {describe(arguments)}"))
    elif not script:
        if arguments:
            errors.append(FieldError(place, "have no script; name it in script_name, or leave them out"))
    else:
        result["script_args"] = _read_selected(str(script), arguments, names, with_input, field, errors)
    return result


def _read_selected(
    script: str,
    arguments: list[Any],
    allowed: Collection[str],
    with_input: bool,  # noqa: FBT001 - the caller passes on what it was given
    field: str,
    errors: list[FieldError],
) -> list[Any]:
    place, readers = f"{field}.script_args", SELECTABLE.get(script.lower())
    if readers is None:
        _check_allowed(script, allowed, SELECTABLE, f"{field}.script_name", errors)
        return arguments
    if len(arguments) != len(readers):
        # With fewer or more, the Web UI would read the arguments of the scripts that follow.
        message = (
            f"must be the {len(readers)} arguments of {script!r}, in the order of script-info, not {len(arguments)}"
        )
        errors.append(FieldError(place, message))
        return arguments
    before = len(errors)
    read = _read_arguments(arguments, readers, place, errors)
    if script.lower() != PLOT or len(errors) > before:
        return read
    return read_plot(read, with_input=with_input, field=place, errors=errors)


def _read_always_on(scripts: object, allowed: Collection[str], field: str, errors: list[FieldError]) -> dict[str, Any]:
    if not isinstance(scripts, dict):
        errors.append(FieldError(field, f"must be an object, not {describe(scripts)}"))
        return {}
    result = {}
    unknown = 0
    for script, given in scripts.items():
        if script.lower() in _ALWAYS_RUNNING and given == {"args": []}:
            continue
        place = f"{field}.{script[:MAX_SHOWN]}"
        readers = ALWAYS_ON.get(script.lower())
        if readers is None and not _check_allowed(script, allowed, ALWAYS_ON, place, errors):
            unknown += 1
            if unknown == MAX_UNKNOWN:
                break
            continue
        result[script] = {"args": _read_given(script, given, readers, place, errors)}
    return result


def _read_given(
    script: str, given: object, readers: tuple[Reader, ...] | None, field: str, errors: list[FieldError]
) -> list[Any]:
    if not isinstance(given, dict) or given.keys() != {"args"} or not isinstance(given["args"], list):
        errors.append(FieldError(field, 'must be {"args": […]} with the list of the arguments and nothing else'))
        return []
    arguments: list[Any] = given["args"]
    most = MAX_ARGUMENTS if readers is None else len(readers)
    if len(arguments) > most:
        message = f"has {len(arguments)} arguments; {script[:MAX_SHOWN]} accepts {most}"
        errors.append(FieldError(f"{field}.args", message))
        return []
    return arguments if readers is None else _read_arguments(arguments, readers, f"{field}.args", errors)


def _read_arguments(
    arguments: list[Any], readers: tuple[Reader, ...], field: str, errors: list[FieldError]
) -> list[Any]:
    pairs = zip(arguments, readers, strict=False)
    return [reader(value, f"{field}[{index}]", errors) for index, (value, reader) in enumerate(pairs)]


def _check_allowed(
    script: str, allowed: Collection[str], known: Mapping[str, object], field: str, errors: list[FieldError]
) -> bool:
    if script.lower() in allowed:
        return True
    message = (
        f"tasks may not use the script {script[:MAX_SHOWN]!r}; those that they may use are"
        f" {', '.join(sorted({*known, *allowed}))}. Another one needs an image that has it, and `allowedScripts` of the"
        " runtime"
    )
    errors.append(FieldError(field, message, _CODE))
    return False
