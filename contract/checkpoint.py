"""Checkpoint of a task: read from the request at the edge, and checked against the models of its runtime."""

from typing import Any, Final, NamedTuple

from contract import runpod
from contract.errors import FieldError
from contract.json_values import describe
from contract.routing import FindCheckpoint, Runtime, checkpoint_name, is_checkpoint_name, same_checkpoint
from contract.task import TaskType
from contract.webui_values import picture

#: Fields in which a request may name its checkpoint, the documented one first.
_PLACES: Final = ("alwayson_scripts", "override_settings")
_KEY: Final = "sd_model_checkpoint"
#: Pictures next to an `image_link` whose places a record keeps. The Web UI takes one, or as many as a batch has.
MAX_MOVED_IMAGES: Final = 32


class RequestedCheckpoint(NamedTuple):
    """Checkpoint that a request names."""

    #: None if it names none.
    name: str | None
    #: Path of the field that holds the name, or that should hold it.
    field: str


def extract_requested_checkpoint(
    content: dict[str, Any], errors: list[FieldError], moved: dict[str, str], field: str = "task.content"
) -> tuple[dict[str, Any], RequestedCheckpoint]:
    """Return `content`, whose path is `field`, without Darkroom's own keys, and the checkpoint that it named.

    `moved` receives the fields that are in another place then, as for `contract.formats.original_field`.
    `alwayson_scripts.image_link` becomes the first of `init_images`. The Web UI would fail,
    because it would read Darkroom's keys as unknown scripts. It silently ignores an unknown checkpoint in
    `override_settings`.
    """
    if isinstance(content.get("payload"), dict):
        payload, from_payload = extract_requested_checkpoint(content["payload"], errors, moved, f"{field}.payload")
        return content | {"payload": payload}, from_payload
    result = dict(content)
    before = len(errors)
    requested = RequestedCheckpoint(None, checkpoint_field(field))
    for place in _PLACES:
        settings = result.get(place)
        if settings is None:
            continue
        if not isinstance(settings, dict):
            errors.append(FieldError(f"{field}.{place}", f"must be an object, not {describe(settings)}"))
            continue
        result[place] = {key: value for key, value in settings.items() if key != _KEY}
        name = _checked_name(settings.get(_KEY), f"{field}.{place}.{_KEY}", errors)
        if name and not requested.name:
            requested = RequestedCheckpoint(name, f"{field}.{place}.{_KEY}")
    if len(errors) == before and requested.field != checkpoint_field(field):
        moved[checkpoint_field(field)] = requested.field
    _move_image_link(result, field, errors, moved)
    return result, requested


def checkpoint_field(field: str) -> str:
    """Return the documented path of the checkpoint's name in the body of a call, whose path is `field`."""
    # Calls with a payload come from RunPod's clients, which know no key of Darkroom's.
    place = _PLACES[1] if field.endswith(".payload") else _PLACES[0]
    return f"{field}.{place}.{_KEY}"


def with_requested_checkpoint(content: dict[str, Any], name: str) -> dict[str, Any]:
    """Return `content` of a message with the checkpoint that its request named, at the documented place."""
    if isinstance(content.get("payload"), dict):
        return content | {"payload": _with_setting(content["payload"], _PLACES[1], name)}
    return _with_setting(content, _PLACES[0], name)


def _with_setting(content: dict[str, Any], place: str, name: str) -> dict[str, Any]:
    return content | {place: (content.get(place) or {}) | {_KEY: name}}


def choose_checkpoint(
    requested: RequestedCheckpoint,
    tasktype: TaskType,
    content: dict[str, Any],
    runtime: Runtime,
    find_checkpoint: FindCheckpoint,
    errors: list[FieldError],
) -> str | None:
    """Return the checkpoint that the task needs, None if it needs none; add every mistake to `errors`."""
    name, field = requested
    if runtime.model_filename:
        if name and not means_model_of(runtime, name, find_checkpoint):
            message = (
                f"{checkpoint_name(name)!r} is another model: runtime {runtime.name} serves {runtime.model_filename}"
                " only; name that, leave the key out, or use a runtime with dynamicModel: true"
            )
            errors.append(FieldError(field, message, "unknown_model"))
        return runtime.model_filename
    if name is None:
        if runpod.called_endpoint(tasktype, content) in runpod.GENERATION_ENDPOINTS:
            message = f"is required: runtime {runtime.name} has dynamicModel: true, so a task must name its model"
            errors.append(FieldError(field, message))
        return None
    found = find_checkpoint(name)
    if found is None:
        message = f"there is no model {checkpoint_name(name)!r} in the model bucket of runtime {runtime.name}"
        errors.append(FieldError(field, message, "unknown_model"))
    return found


def means_model_of(runtime: Runtime, name: str, find_checkpoint: FindCheckpoint) -> bool:
    """Return True if a name, in any form, means the one checkpoint that a runtime serves."""
    served = runtime.model_filename or ""
    return same_checkpoint(name, served) or same_checkpoint(find_checkpoint(name) or "", served)


def _checked_name(value: object, field: str, errors: list[FieldError]) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and is_checkpoint_name(value):
        return value
    message = "must be the file name of a model, such as v1-5-pruned-emaonly.safetensors"
    errors.append(FieldError(field, message))
    return None


def _move_image_link(content: dict[str, Any], field: str, errors: list[FieldError], moved: dict[str, str]) -> None:
    scripts = content.get("alwayson_scripts")
    if not isinstance(scripts, dict) or "image_link" not in scripts:
        return
    content["alwayson_scripts"] = {key: value for key, value in scripts.items() if key != "image_link"}
    if scripts["image_link"] is None:
        return
    if link := picture(scripts["image_link"], f"{field}.alwayson_scripts.image_link", errors):
        given = content.get("init_images")
        images = given if isinstance(given, list) else []
        content["init_images"] = [link, *images]
        moved[f"{field}.init_images[0]"] = f"{field}.alwayson_scripts.image_link"
        for index in range(min(len(images), MAX_MOVED_IMAGES)):
            moved[f"{field}.init_images[{index + 1}]"] = f"{field}.init_images[{index}]"
