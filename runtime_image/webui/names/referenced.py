"""Names in a request, found so that each can be checked before a picture is generated."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from contract.plot import axes_of
from contract.runpod import sampler_field
from contract.script_tables import PLOT, SD_UPSCALE, SELECTABLE
from contract.work import UPSCALING_ENDPOINTS, detail_prompts
from runtime_image.webui.names import kinds
from runtime_image.webui.names.kinds import Kind
from runtime_image.webui.request import IMAGE_TO_IMAGE_PATH, OPTIONS_PATH, TEXT_TO_IMAGE_PATH

#: Options whose value is a name.
_NAMING_OPTIONS: Final = {
    "sd_model_checkpoint": kinds.CHECKPOINT,
    "sd_vae": kinds.VAE,
    "upscaler_for_img2img": kinds.UPSCALER,
}
#: Fields of the second pass, with what they are and the value that means the first pass's.
_HIRES_FIELDS: Final = {
    "hr_upscaler": (kinds.HIRES_UPSCALER, None),
    "hr_sampler_name": (kinds.SAMPLER, "Use same sampler"),
    "hr_scheduler": (kinds.SCHEDULER, "Use same scheduler"),
    "hr_checkpoint_name": (kinds.CHECKPOINT, "Use same checkpoint"),
}
#: Values of `refiner_checkpoint` that mean none.
_NO_REFINER: Final = frozenset({"None", "none"})
_SCRIPTS: Final = {
    TEXT_TO_IMAGE_PATH: kinds.TEXT_TO_IMAGE_SCRIPT,
    IMAGE_TO_IMAGE_PATH: kinds.IMAGE_TO_IMAGE_SCRIPT,
}
#: Axes of the plot whose values are names.
_NAMING_AXES: Final = {
    "Sampler": kinds.SAMPLER,
    "Hires sampler": kinds.SAMPLER,
    "Schedule type": kinds.SCHEDULER,
    "Checkpoint name": kinds.CHECKPOINT,
    "Refiner checkpoint": kinds.CHECKPOINT,
    "Hires upscaler": kinds.HIRES_UPSCALER,
    "VAE": kinds.VAE,
    "Styles": kinds.STYLE,
}
#: The Web UI reads `<lora:name:weight>` in prompts; `lyco` is an older word. A text without `>` is read once.
_LORA: Final = re.compile(r"<(?:lora|lyco):([^:<>]++)[^<>]*+>")


class Named(NamedTuple):
    """One name in a request."""

    kind: Kind
    name: str
    #: Path of the field that holds it.
    field: str


def names_in(path: str, body: Mapping[str, Any], field: str) -> Iterator[Named]:
    """Yield what the body of a call names; values that are no text are left for the Web UI to refuse."""
    if path in _SCRIPTS:
        yield from _of_generation(path, body, field)
    elif path.removeprefix("/") in UPSCALING_ENDPOINTS:
        yield from _of_fields(body, field, {"upscaler_1": kinds.UPSCALER, "upscaler_2": kinds.UPSCALER})
    elif path == OPTIONS_PATH:
        yield from _of_fields(body, field, _NAMING_OPTIONS)


def _of_generation(path: str, body: Mapping[str, Any], field: str) -> Iterator[Named]:
    yield from _of_fields(body, field, {sampler_field(body): kinds.SAMPLER, "scheduler": kinds.SCHEDULER})
    yield from _of_fields(body, field, {"script_name": _SCRIPTS[path]})
    if str(body.get("refiner_checkpoint")) not in _NO_REFINER:
        yield from _of_fields(body, field, {"refiner_checkpoint": kinds.CHECKPOINT})
    if isinstance(overrides := body.get("override_settings"), Mapping):
        yield from _of_fields(overrides, f"{field}.override_settings", _NAMING_OPTIONS)
    if isinstance(scripts := body.get("alwayson_scripts"), Mapping):
        yield from (Named(_SCRIPTS[path], name, f"{field}.alwayson_scripts") for name in scripts)
    yield from _of_script(path, body, f"{field}.script_args")
    if isinstance(styles := body.get("styles"), list):
        yield from (
            Named(kinds.STYLE, name, f"{field}.styles[{index}]")
            for index, name in enumerate(styles)
            if isinstance(name, str)
        )
    prompts = ["prompt"]
    if body.get("enable_hr"):
        prompts.append("hr_prompt")
        for name, (kind, same) in _HIRES_FIELDS.items():
            if body.get(name) != same:
                yield from _of_fields(body, field, {name: kind})
    if not body.get("disable_extra_networks"):
        for name in prompts:
            # Only there: in a negative prompt it is text for the Web UI too.
            yield from _loras_of(str(body.get(name) or ""), f"{field}.{name}")
    # ADetailer does not pass `disable_extra_networks` on.
    for path_of_unit, prompt in detail_prompts(body):
        yield from _loras_of(prompt, f"{field}.{path_of_unit}")


def _of_script(path: str, body: Mapping[str, Any], field: str) -> Iterator[Named]:
    script, arguments = str(body.get("script_name") or "").lower(), body.get("script_args")
    if not isinstance(arguments, list) or len(arguments) != len(SELECTABLE.get(script, ())):
        return
    if script == SD_UPSCALE:
        yield Named(kinds.UPSCALER, str(arguments[2]), f"{field}[2]")
    elif script == PLOT:
        for axis in axes_of(arguments, with_input=path == IMAGE_TO_IMAGE_PATH, field=field):
            if kind := _NAMING_AXES.get(axis.label):
                # A value of this axis is one style, or several with commas.
                names = ",".join(axis.values).split(",") if kind is kinds.STYLE else axis.values
                yield from (Named(kind, name, axis.field) for name in names if name and name not in _NO_REFINER)
            elif axis.label == "Prompt S/R":
                yield from _loras_of("".join(axis.values), axis.field)


def _loras_of(prompt: str, field: str) -> Iterator[Named]:
    yield from (Named(kinds.LORA, lora, field) for lora in dict.fromkeys(_LORA.findall(prompt)))


def _of_fields(values: Mapping[str, Any], field: str, fields: Mapping[str, Kind]) -> Iterator[Named]:
    for name, kind in fields.items():
        value = values.get(name)
        if isinstance(value, str) and value:
            yield Named(kind, value, f"{field}.{name}")
