"""Formats in which tasks are sent, and the paths of fields in each: an error names a field as its sender wrote it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final


class Format(StrEnum):
    """The form in which a task was sent; its responses have the same form."""

    V1ALPHA2 = "v1alpha2"
    V1ALPHA1 = "v1alpha1"
    RUNPOD = "runpod"
    #: Only the names of fields are those of the Comfy API: its function makes the v1alpha2 request.
    COMFY = "comfy"


#: The object around metadata and content, which a request may leave out.
WRAPPER: Final = "task"
#: Path in the body of each format by v1alpha2 path; the fields below a path move with it.
_PATHS: Final[Mapping[str, Mapping[str, str]]] = {
    Format.V1ALPHA1: {
        "task.metadata.id": "alwayson_scripts.id_task",
        "task.metadata.tasktype": "alwayson_scripts.task",
        "task.metadata.prefix": "alwayson_scripts.save_dir",
        "task.metadata.runtime": "alwayson_scripts.sd_model_checkpoint",
        "task.metadata.context": "alwayson_scripts.uid",
        "task.content": "",
    },
    Format.RUNPOD: {"task.content": "input", "task.metadata": ""},
    Format.COMFY: {
        "task.content": "workflow",
        "task.content.extra_data": "extra_data",
        "task.metadata.context": "metadata",
        "task.metadata.tasktype": "workflow",
        "task.metadata": "",
    },
}


def original_field(field: str, format_: str, moved: Mapping[str, str]) -> str:
    """Return the path of a field, given by its v1alpha2 path, as its sender wrote it.

    `moved` is what this request wrote elsewhere: v1alpha2 paths by v1alpha2 paths. `WRAPPER` is one of them if the
    request has none.
    """
    path = _moved(_moved(field, moved), _PATHS.get(format_, {}))
    return path.removeprefix(f"{WRAPPER}.") if WRAPPER in moved else path


def original_error(error: Mapping[str, Any], format_: str, moved: Mapping[str, str]) -> dict[str, Any]:
    """Return the `error` object of a task with the paths of its fields as `original_field` returns them."""
    if not error.get("details"):
        return dict(error)
    details = [detail | {"field": original_field(detail["field"], format_, moved)} for detail in error["details"]]
    message = "; ".join(f"{detail['field']}: {detail['message']}" for detail in details)
    return {**error, "message": message, "details": details}


def _moved(field: str, paths: Mapping[str, str]) -> str:
    above = [path for path in paths if field.startswith(path) and field[len(path) : len(path) + 1] in {"", ".", "["}]
    if not above:
        return field
    nearest = max(above, key=len)
    return (paths[nearest] + field.removeprefix(nearest)).removeprefix(".") or field
