"""Formats in which tasks are sent, and the paths of fields in each: an error names a field as its sender wrote it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final


class Format(StrEnum):
    """The form in which a task was sent; its responses have the same form."""

    V1ALPHA2 = "v1alpha2"
    V1ALPHA1 = "v1alpha1"
    RUNPOD = "runpod"


#: Path in the v1alpha1 body by v1alpha2 path.
_V1ALPHA1_FIELDS: Final = {
    "task.metadata.id": "alwayson_scripts.id_task",
    "task.metadata.tasktype": "alwayson_scripts.task",
    "task.metadata.prefix": "alwayson_scripts.save_dir",
    "task.metadata.runtime": "alwayson_scripts.sd_model_checkpoint",
    "task.metadata.context": "alwayson_scripts.uid",
}


def original_field(field: str, format_: str) -> str:
    """Return the path of a field as the sender of this format wrote it, for its v1alpha2 path."""
    match format_:
        case Format.V1ALPHA1:
            return _V1ALPHA1_FIELDS.get(field, field.removeprefix("task.content."))
        case Format.RUNPOD if field.startswith("task.content"):
            return field.replace("task.content", "input", 1)
        case Format.RUNPOD:
            return field.removeprefix("task.metadata.")
    return field


def original_error(error: Mapping[str, Any], format_: str) -> dict[str, Any]:
    """Return the `error` object of a task with the paths of its fields as the sender of this format wrote them."""
    if format_ == Format.V1ALPHA2 or not error.get("details"):
        return dict(error)
    details = [detail | {"field": original_field(detail["field"], format_)} for detail in error["details"]]
    message = "; ".join(f"{detail['field']}: {detail['message']}" for detail in details)
    return {**error, "message": message, "details": details}
