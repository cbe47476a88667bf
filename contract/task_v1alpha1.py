"""Conversion of the older task format, v1alpha1, to v1alpha2 at the edge; no other part knows v1alpha1."""

from collections.abc import Mapping
from typing import Any, Final

from contract.errors import FieldError
from contract.json_values import describe
from contract.option_values import read_options
from contract.routing import Catalogue, FindCheckpoint

#: Keys of `alwayson_scripts` that belong to Darkroom. All others are scripts of the Web UI.
CONTROL_KEYS: Final = frozenset(
    {"task", "id_task", "sd_model_checkpoint", "save_dir", "image_link", "uid", "sd_vae", "override_settings"}
)


def is_v1alpha1(body: dict[str, Any]) -> bool:
    """Return True if the shape of `body` is that of the v1alpha1 format."""
    scripts = body.get("alwayson_scripts")
    return isinstance(scripts, dict) and bool({"task", "id_task"} & scripts.keys())


def runtime_of(body: Mapping[str, Any], *, catalogue: Catalogue, find_checkpoint: FindCheckpoint) -> str | None:
    """Return the runtime of a body by its checkpoint, which alone names it; None if none was found."""
    match body:
        case {"alwayson_scripts": {"sd_model_checkpoint": str(checkpoint)}} if checkpoint:
            runtime = catalogue.runtime_for_checkpoint(checkpoint, find_checkpoint)
            return runtime.name if runtime else None
    return None


def convert(
    body: dict[str, Any], *, catalogue: Catalogue, find_checkpoint: FindCheckpoint, moved: dict[str, str]
) -> tuple[dict[str, Any], list[FieldError]]:
    """Return the equivalent v1alpha2 body, and the errors of the conversion.

    All other checks follow later, on the v1alpha2 form. It has no `runtime` if none was found. `moved` receives the
    fields that are in another place then, as for `contract.formats.original_field`.
    """
    errors: list[FieldError] = []
    scripts = body.get("alwayson_scripts")
    if not isinstance(scripts, dict):
        message = f"must be an object that holds task, id_task and sd_model_checkpoint, not {describe(scripts)}"
        if "alwayson_scripts" not in body:
            message = "is required: an object that holds task, id_task and sd_model_checkpoint"
            if {"task", "metadata"} & body.keys():
                message += "; POST /v1alpha2 accepts requests in the format v1alpha2"
        errors.append(FieldError("alwayson_scripts", message))
        scripts = {}
    runtime = runtime_of(body, catalogue=catalogue, find_checkpoint=find_checkpoint)
    if runtime is None:
        errors.append(_no_runtime(scripts.get("sd_model_checkpoint"), catalogue))
    overrides = _override_settings(body, scripts, errors, moved)

    content = {key: value for key, value in body.items() if key != "override_settings"}
    content["alwayson_scripts"] = {key: value for key, value in scripts.items() if key not in CONTROL_KEYS}
    kept = {key: scripts[key] for key in ("sd_model_checkpoint", "image_link") if key in scripts}
    content["alwayson_scripts"] |= kept
    if overrides:
        content["override_settings"] = overrides
    metadata = {
        "id": scripts.get("id_task"),
        "runtime": runtime,
        "tasktype": scripts.get("task"),
        "prefix": scripts.get("save_dir"),
        "context": {"uid": scripts["uid"]} if "uid" in scripts else None,
    }
    return {"task": {"metadata": metadata, "content": content}}, errors


def _no_runtime(checkpoint: object, catalogue: Catalogue) -> FieldError:
    field = "alwayson_scripts.sd_model_checkpoint"
    if not isinstance(checkpoint, str) or not checkpoint:
        return FieldError(field, "is required: the file name of the model that is to be used")
    served = sorted(runtime.model_filename for runtime in catalogue.runtimes.values() if runtime.model_filename)
    return FieldError(
        field,
        f"no runtime serves the model {checkpoint[:200]!r}: it is not the model of a runtime"
        f" ({', '.join(served) or 'none is configured'}),"
        " and no runtime with dynamicModel: true finds it in the model bucket",
        "unknown_model",
    )


def _override_settings(
    body: dict[str, Any], scripts: dict[str, Any], errors: list[FieldError], moved: dict[str, str]
) -> dict[str, Any]:
    overrides: dict[str, Any] = {}
    vae = scripts.get("sd_vae")
    for field, value in (
        ("override_settings", body.get("override_settings")),
        ("alwayson_scripts.override_settings", scripts.get("override_settings")),
        ("alwayson_scripts", None if vae is None else {"sd_vae": vae}),
    ):
        if value is None:
            continue
        # Checked here, because later checks would name the place to which the options move.
        problems: list[FieldError] = []
        read = read_options(value, field, problems)
        errors += problems
        if not problems:
            overrides |= read
            if field != "override_settings":
                moved |= {f"task.content.override_settings.{key}": f"task.content.{field}.{key}" for key in read}
    return overrides
