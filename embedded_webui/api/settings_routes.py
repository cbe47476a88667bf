"""Routes of options, of checkpoints, and of lists. Kinds of model that do not run here have empty ones."""

import os
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from embedded_webui.lists import LISTS
from embedded_webui.web_ui import EmbeddedWebUi


def settings_routes(web_ui: EmbeddedWebUi) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    def switch_checkpoint() -> None:
        web_ui.run(web_ui.engine.model)

    @router.get("/options")
    def options() -> dict[str, Any]:
        return web_ui.options.answer()

    @router.post("/options")
    def set_options(values: dict[str, Any]) -> None:
        wanted = values.get("sd_model_checkpoint")
        if wanted is not None and web_ui.checkpoints.find(wanted) is None:
            raise RuntimeError(f"model {wanted!r} not found")
        for name, value in values.items():
            on_change = switch_checkpoint if name == "sd_model_checkpoint" else None
            web_ui.options.set(name, value, on_change=on_change)
        web_ui.options.save()

    @router.post("/refresh-checkpoints")
    def refresh_checkpoints() -> None:
        web_ui.run(web_ui.checkpoints.refresh)

    @router.post("/refresh-vae")
    @router.post("/refresh-loras")
    def refresh_nothing() -> None:
        """Do nothing, because separate VAEs are not supported, and LoRA files are found whenever they are needed."""

    @router.post("/refresh-embeddings")
    def refresh_embeddings() -> None:
        """Fail without a model, as the real one does; otherwise do nothing, because embeddings are not supported."""
        if not web_ui.engine.has_model:
            raise AttributeError("'NoneType' object has no attribute 'cond_stage_model'")

    @router.post("/unload-checkpoint")
    def unload_checkpoint() -> dict[str, Any]:
        web_ui.engine.unload()
        return {}

    @router.post("/reload-checkpoint")
    def reload_checkpoint() -> dict[str, Any]:
        switch_checkpoint()
        return {}

    def add(name: str, response: Any) -> None:
        @router.get(f"/{name}", name=name)
        def listed() -> Any:
            return response

    @router.get("/sd-models")
    def sd_models() -> list[dict[str, Any]]:
        return [checkpoint.entry() for checkpoint in web_ui.checkpoints]

    @router.get("/loras")
    def loras() -> list[dict[str, Any]]:
        return [lora.entry() for lora in web_ui.find_loras()]

    @router.get("/memory")
    def memory() -> dict[str, Any]:
        """Return bytes, without those of a GPU."""
        page_bytes = os.sysconf("SC_PAGE_SIZE")
        total = page_bytes * os.sysconf("SC_PHYS_PAGES")
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * page_bytes
        ram = {"free": float(total - used), "used": used, "total": float(total)}
        return {"ram": ram, "cuda": {"error": "unavailable"}}

    flags = LISTS["cmd-flags"] | {"models_dir": str(web_ui.models_folder)}
    for name, response in (LISTS | {"cmd-flags": flags}).items():
        add(name, response)
    return router
