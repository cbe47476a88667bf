"""Scripts that requests may name: all names of v1.10.1, of which "sd upscale" runs here.

`data/scripts.json` holds the recorded lists, with the upscalers of this Web UI and without arguments of scripts that do
not run.
"""

import json
from importlib import resources
from typing import Any, Final

from fastapi import HTTPException

from embedded_webui.requests import SD_UPSCALE, GenerationRequest, ImageToImageRequest

_DATA: Final = json.loads(resources.files("embedded_webui").joinpath("data/scripts.json").read_text(encoding="utf-8"))
#: Response of `scripts`: the names of each tab, "txt2img" and "img2img".
NAMES: Final[dict[str, list[str]]] = _DATA["names"]
#: Response of `script-info`.
ENTRIES: Final[list[dict[str, Any]]] = _DATA["info"]
#: Always-on scripts; the real `script-info` leaves Hypertile out.
_ALWAYS_ON: Final = {entry["name"] for entry in ENTRIES if entry["is_alwayson"]} | {"Hypertile"}


def check(request: GenerationRequest) -> None:
    """Raise the Web UI's error for unknown scripts, and `NotImplementedError` for those that do not run here."""
    names = NAMES["img2img" if isinstance(request, ImageToImageRequest) else "txt2img"]
    always_on = {name.lower() for name in names if name in _ALWAYS_ON}
    selectable = {name.lower() for name in names} - always_on
    if request.script_name:
        if request.script_name.lower() not in selectable:
            raise HTTPException(422, f"Script '{request.script_name}' not found")
        if request.script_name.lower() != SD_UPSCALE:
            raise NotImplementedError(f"the embedded Web UI does not run the script {request.script_name!r}")
    for name, settings in (request.alwayson_scripts or {}).items():
        if name.lower() in selectable:
            raise HTTPException(422, "Cannot have a selectable script in the always on scripts params")
        if name.lower() not in always_on:
            raise HTTPException(422, f"Script '{name}' not found")
        if isinstance(settings, dict) and settings.get("args"):
            raise NotImplementedError(f"the embedded Web UI does not run the script {name!r}")
