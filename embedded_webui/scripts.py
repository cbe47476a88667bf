"""The scripts that requests may name: all names of v1.10.1, of which the embedded Web UI runs one."""

from typing import Any, Final

from fastapi import HTTPException

from embedded_webui.requests import GenerationRequest, ImageToImageRequest

#: The script that works on a picture in tiles after enlarging it.
SD_UPSCALE: Final = "sd upscale"
_SHARED: Final = ("prompt matrix", "prompts from file or textbox")
_ALWAYS_ON: Final = ("extra options", "Hypertile", "refiner", "sampler", "seed")
_SELECTABLE: Final = {
    "txt2img": (*_SHARED, "x/y/z plot"),
    "img2img": (
        "img2img alternative test",
        "loopback",
        "outpainting mk2",
        "poor man's outpainting",
        *_SHARED,
        SD_UPSCALE,
        "x/y/z plot",
    ),
}
_ALWAYS: Final = {
    "txt2img": _ALWAYS_ON,
    "img2img": (*_ALWAYS_ON[:2], "soft inpainting", *_ALWAYS_ON[2:]),
}


def answer() -> dict[str, list[str]]:
    """Return the answer of `scripts`."""
    return {tab: [*_SELECTABLE[tab], *_ALWAYS[tab]] for tab in _SELECTABLE}


def info_answer() -> list[dict[str, Any]]:
    """Return the answer of `script-info`; only the arguments of the script that runs here are listed."""
    return [
        {
            "name": name,
            "is_alwayson": name in _ALWAYS[tab],
            "is_img2img": tab == "img2img",
            "args": [_argument(*row) for row in _SD_UPSCALE_ARGUMENTS] if name == SD_UPSCALE else [],
        }
        for tab, names in answer().items()
        for name in names
    ]


def check(request: GenerationRequest) -> None:
    """Raise what the Web UI answers for unknown scripts, and `NotImplementedError` for those that do not run here."""
    tab = "img2img" if isinstance(request, ImageToImageRequest) else "txt2img"
    selectable = {name.lower() for name in _SELECTABLE[tab]}
    always_on = {name.lower() for name in _ALWAYS[tab]}
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


_SD_UPSCALE_ARGUMENTS: Final = (
    ("Info", "", None, None, None, None),
    ("Tile overlap", 64, 0, 256, 16, None),
    ("Upscaler", "None", None, None, None, ["None", "Lanczos", "Nearest"]),
    ("Scale Factor", 2.0, 1.0, 4.0, 0.05, None),
)


def _argument(label: str, value: object, minimum: object, maximum: object, step: object, choices: object) -> Any:
    return {
        "label": label,
        "value": value,
        "minimum": minimum,
        "maximum": maximum,
        "step": step,
        "choices": choices,
    }
