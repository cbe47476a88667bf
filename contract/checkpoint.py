"""Checkpoint of a task: read from the request at the edge, and checked against the models of its runtime."""

from typing import Any

from contract import runpod
from contract.errors import FieldError
from contract.json_values import describe
from contract.routing import FindCheckpoint, Runtime, checkpoint_name, is_checkpoint_name, same_checkpoint
from contract.task import TaskType

#: Fields in which a request may name its checkpoint, the documented one first.
_PLACES = ("alwayson_scripts", "override_settings")


def extract_requested_checkpoint(
    content: dict[str, Any], errors: list[FieldError]
) -> tuple[dict[str, Any], str | None]:
    """Return `content` without Darkroom's own keys, and the checkpoint that it named.

    `alwayson_scripts.image_link` becomes the first of `init_images`. The Web UI would fail,
    because it would read Darkroom's keys as unknown scripts. It silently ignores an unknown checkpoint in
    `override_settings`.
    """
    if isinstance(content.get("payload"), dict):
        payload, from_payload = extract_requested_checkpoint(content["payload"], errors)
        return content | {"payload": payload}, from_payload
    result = dict(content)
    requested: str | None = None
    for place in _PLACES:
        settings = result.get(place)
        if settings is None:
            continue
        field = f"task.content.{place}"
        if not isinstance(settings, dict):
            errors.append(FieldError(field, f"must be an object, not {describe(settings)}"))
            continue
        result[place] = {key: value for key, value in settings.items() if key != "sd_model_checkpoint"}
        requested = requested or _checked_name(settings.get("sd_model_checkpoint"), field, errors)
    _move_image_link(result, errors)
    return result, requested


def choose_checkpoint(
    requested: str | None,
    tasktype: TaskType,
    content: dict[str, Any],
    runtime: Runtime,
    find_checkpoint: FindCheckpoint,
    errors: list[FieldError],
) -> str | None:
    """Return the checkpoint that the task needs, None if it needs none; add every mistake to `errors`."""
    field = "task.content.alwayson_scripts.sd_model_checkpoint"
    if runtime.model_filename:
        if requested and not means_model_of(runtime, requested, find_checkpoint):
            message = (
                f"runtime {runtime.name} serves {runtime.model_filename} only;"
                " name that, leave the key out, or use a runtime with dynamicModel: true"
            )
            errors.append(FieldError(field, message, "unknown_model"))
        return runtime.model_filename
    if requested is None:
        if _generates(tasktype, content):
            message = f"is required: runtime {runtime.name} has dynamicModel: true, so a task must name its model"
            errors.append(FieldError(field, message))
        return None
    found = find_checkpoint(requested)
    if found is None:
        name = checkpoint_name(requested)
        message = f"there is no model {name!r} in the model bucket of runtime {runtime.name}"
        errors.append(FieldError(field, message, "unknown_model"))
    return found


def means_model_of(runtime: Runtime, name: str, find_checkpoint: FindCheckpoint) -> bool:
    """Return True if a name, in any form, means the one checkpoint that a runtime serves."""
    served = runtime.model_filename or ""
    return same_checkpoint(name, served) or same_checkpoint(find_checkpoint(name) or "", served)


def _generates(tasktype: TaskType, content: dict[str, Any]) -> bool:
    if tasktype is TaskType.WEBUI_API:
        return runpod.endpoint_of(content) in {runpod.TEXT_TO_IMAGE_ENDPOINT, runpod.IMAGE_TO_IMAGE_ENDPOINT}
    return tasktype in {TaskType.TEXT_TO_IMAGE, TaskType.IMAGE_TO_IMAGE}


def _checked_name(value: object, field: str, errors: list[FieldError]) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and is_checkpoint_name(value):
        return value
    message = "must be the file name of a model, such as v1-5-pruned-emaonly.safetensors"
    errors.append(FieldError(f"{field}.sd_model_checkpoint", message))
    return None


def _move_image_link(content: dict[str, Any], errors: list[FieldError]) -> None:
    scripts = content.get("alwayson_scripts")
    if not isinstance(scripts, dict) or "image_link" not in scripts:
        return
    link = scripts["image_link"]
    content["alwayson_scripts"] = {key: value for key, value in scripts.items() if key != "image_link"}
    if not isinstance(link, str):
        field = "task.content.alwayson_scripts.image_link"
        errors.append(FieldError(field, f"must be a link, not {describe(link)}"))
        return
    images = content.get("init_images")
    content["init_images"] = [link, *(images if isinstance(images, list) else [])]
