"""Scripts that requests may name: all names of v1.10.1, of which two run here."""

from typing import Any, Final

from fastapi import HTTPException

from embedded_webui.generation import xyz_plot
from embedded_webui.lists import LISTS
from embedded_webui.requests import SD_UPSCALE, GenerationRequest, ImageToImageRequest

_NAMES: Final[dict[str, list[str]]] = LISTS["scripts"]
#: Always-on scripts; the real `script-info` leaves Hypertile out.
_ALWAYS_ON: Final = {entry["name"] for entry in LISTS["script-info"] if entry["is_alwayson"]} | {"Hypertile"}
#: Always-on script that does something if its first argument is true. The real one reads the arguments of the others
#: only from its pages, and ignores them in requests.
_SOFT_INPAINTING: Final = "soft inpainting"


def check(request: GenerationRequest) -> None:
    """Raise the Web UI's error for unknown scripts, and `NotImplementedError` for those that do not run here."""
    names = _NAMES["img2img" if isinstance(request, ImageToImageRequest) else "txt2img"]
    always_on = {name.lower() for name in names if name in _ALWAYS_ON}
    selectable = {name.lower() for name in names} - always_on
    if request.script:
        if request.script not in selectable:
            raise HTTPException(422, f"Script '{request.script_name}' not found")
        if request.script not in {SD_UPSCALE, xyz_plot.NAME}:
            raise NotImplementedError(f"the embedded Web UI does not run the script {request.script_name!r}")
    for name, settings in (request.alwayson_scripts or {}).items():
        if name.lower() in selectable:
            raise HTTPException(422, "Cannot have a selectable script in the always on scripts params")
        if name.lower() not in always_on:
            raise HTTPException(422, f"Script '{name}' not found")
        arguments: Any = settings.get("args") if isinstance(settings, dict) else None
        if name.lower() == _SOFT_INPAINTING and arguments and arguments[0]:
            raise NotImplementedError(f"the embedded Web UI does not run the script {name!r}")
