"""Routes of options, and of checkpoints that are listed again, loaded and unloaded."""

from typing import Any

from fastapi import APIRouter

from embedded_webui.errors import WebUiException
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
            raise WebUiException("RuntimeError", f"model {wanted!r} not found")
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
            raise WebUiException("AttributeError", "'NoneType' object has no attribute 'cond_stage_model'")

    @router.post("/unload-checkpoint")
    def unload_checkpoint() -> dict[str, Any]:
        web_ui.engine.unload()
        return {}

    @router.post("/reload-checkpoint")
    def reload_checkpoint() -> dict[str, Any]:
        switch_checkpoint()
        return {}

    return router
