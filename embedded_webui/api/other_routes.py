"""Routes that make no image from a prompt: lists, options, models, extras, `png-info` and `interrogate`."""

import os
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, HTTPException
from PIL import Image

from embedded_webui.errors import WebUiException
from embedded_webui.images import captions, codec, infotext, upscalers
from embedded_webui.lists import LISTS
from embedded_webui.requests import ExtraBatchImagesRequest, ExtraSingleImageRequest, ExtrasRequest
from embedded_webui.web_ui import EmbeddedWebUi

#: Key of the infotext in images that extras made.
_EXTRAS_KEY: Final = "postprocessing"


def other_routes(web_ui: EmbeddedWebUi) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    _add_lists(router, web_ui)
    _add_images(router, web_ui)
    _add_settings(router, web_ui)
    return router


def _add_lists(router: APIRouter, web_ui: EmbeddedWebUi) -> None:
    """Add the lists. Kinds of model that do not run here have empty ones."""

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


def _add_images(router: APIRouter, web_ui: EmbeddedWebUi) -> None:
    def postprocess(images: list[Image.Image], request: ExtrasRequest) -> tuple[str, list[str]]:
        made = web_ui.run(lambda: [upscalers.postprocess(image, request) for image in images])
        encoded = [codec.encode(image, web_ui.options, infotext=text, key=_EXTRAS_KEY) for image, text in made]
        return f"<p>{made[-1][1] if made else ''}</p>", encoded

    @router.post("/extra-single-image")
    def extra_single_image(request: ExtraSingleImageRequest) -> dict[str, Any]:
        html_info, encoded = postprocess([codec.decode(request.image, web_ui.options)], request)
        return {"html_info": html_info, "image": encoded[0]}

    @router.post("/extra-batch-images")
    def extra_batch_images(request: ExtraBatchImagesRequest) -> dict[str, Any]:
        images = [codec.decode(image.data, web_ui.options) for image in request.imageList]
        html_info, encoded = postprocess(images, request)
        return {"html_info": html_info, "images": encoded}

    @router.post("/png-info")
    def png_info(image: Annotated[str, Body(embed=True)]) -> dict[str, Any]:
        text, items = codec.read_text(codec.decode(image, web_ui.options))
        return {"info": text, "items": items, "parameters": infotext.read(text)}

    @router.post("/interrogate")
    def interrogate(image: Annotated[str, Body()] = "", model: Annotated[str, Body()] = "clip") -> dict[str, str]:
        decoded = codec.decode(image, web_ui.options)
        if model == "clip":
            return {"caption": web_ui.run(lambda: captions.caption(decoded))}
        if model == "deepdanbooru":
            # The real one reads the first file with weights, and finds no file.
            raise IndexError("list index out of range")
        raise HTTPException(404, "Model not found")


def _add_settings(router: APIRouter, web_ui: EmbeddedWebUi) -> None:
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
