"""Routes that list samplers, models and scripts. Kinds of model that do not run here have empty lists."""

import json
from importlib import resources
from typing import Any

from fastapi import APIRouter

from embedded_webui.api import scripts
from embedded_webui.generation.samplers import SAMPLER_ENTRIES, SCHEDULE_ENTRIES
from embedded_webui.images.upscalers import LATENT_MODES, UPSCALER_ENTRIES
from embedded_webui.web_ui import EmbeddedWebUi


def list_routes(web_ui: EmbeddedWebUi) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    flags = resources.files("embedded_webui").joinpath("data/command_flags.json").read_text(encoding="utf-8")
    constants: dict[str, Any] = {
        "cmd-flags": json.loads(flags) | {"models_dir": str(web_ui.models_folder)},
        "samplers": SAMPLER_ENTRIES,
        "schedulers": SCHEDULE_ENTRIES,
        "upscalers": UPSCALER_ENTRIES,
        "latent-upscale-modes": [{"name": name} for name in LATENT_MODES],
        "sd-vae": [],
        "hypernetworks": [],
        "face-restorers": [],
        "realesrgan-models": [],
        "prompt-styles": [],
        "embeddings": {"loaded": {}, "skipped": {}},
        "scripts": scripts.NAMES,
        "script-info": scripts.ENTRIES,
        "extensions": [],
        "loras": [],
    }

    def add(name: str, response: Any) -> None:
        @router.get(f"/{name}", name=name)
        def listed() -> Any:
            return response

    for name, response in constants.items():
        add(name, response)

    @router.get("/sd-models")
    def sd_models() -> list[dict[str, Any]]:
        return [checkpoint.entry() for checkpoint in web_ui.checkpoints]

    @router.get("/memory")
    def memory() -> dict[str, Any]:
        return web_ui.engine.memory()

    return router
