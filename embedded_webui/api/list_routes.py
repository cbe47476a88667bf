"""Routes that list samplers, models and scripts. Kinds of model that do not run here have empty lists."""

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

    flags = LISTS["cmd-flags"] | {"models_dir": str(web_ui.models_folder)}
    for name, response in (LISTS | {"cmd-flags": flags}).items():
        add(name, response)

    @router.get("/sd-models")
    def sd_models() -> list[dict[str, Any]]:
        return [checkpoint.entry() for checkpoint in web_ui.checkpoints]

    @router.get("/memory")
    def memory() -> dict[str, Any]:
        return web_ui.engine.memory()

    return router
