"""Routes that list what there is. Kinds of model that the embedded Web UI does not run are listed as none."""

import json
from importlib import resources
from typing import Any

from fastapi import APIRouter

from embedded_webui import samplers, scripts, upscalers
from embedded_webui.web_ui import WebUi


def list_routes(web_ui: WebUi) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    flags = resources.files(__package__).joinpath("data/command_flags.json").read_text(encoding="utf-8")
    command_flags = json.loads(flags) | {"models_dir": str(web_ui.models_folder)}
    constant: dict[str, Any] = {
        "cmd-flags": command_flags,
        "samplers": [sampler.answer() for sampler in samplers.SAMPLERS],
        "schedulers": [schedule.answer() for schedule in samplers.SCHEDULES],
        "upscalers": upscalers.answer(),
        "latent-upscale-modes": [{"name": name} for name in upscalers.LATENT_MODES],
        "sd-vae": [],
        "hypernetworks": [],
        "face-restorers": [],
        "realesrgan-models": [],
        "prompt-styles": [],
        "embeddings": {"loaded": {}, "skipped": {}},
        "scripts": scripts.answer(),
        "script-info": scripts.info_answer(),
        "extensions": [],
        "loras": [],
    }

    def add(name: str, answer: Any) -> None:
        @router.get(f"/{name}", name=name)
        def listed() -> Any:
            return answer

    for name, answer in constant.items():
        add(name, answer)

    @router.get("/sd-models")
    def sd_models() -> list[dict[str, Any]]:
        return [checkpoint.answer() for checkpoint in web_ui.checkpoints]

    @router.get("/memory")
    def memory() -> dict[str, Any]:
        return web_ui.engine.memory()

    return router
