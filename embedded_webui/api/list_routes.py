"""Routes of lists: models, samplers, other names and memory. Kinds of model that do not run here have empty ones."""

import os
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from embedded_webui.lists import LISTS
from embedded_webui.web_ui import EmbeddedWebUi


def list_routes(web_ui: EmbeddedWebUi) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

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
