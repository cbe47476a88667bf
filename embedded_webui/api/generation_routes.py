"""Routes that generate images, report progress, interrupt and skip."""

import json
from typing import Any, TypeVar

from fastapi import APIRouter, HTTPException
from fastapi.responses import JSONResponse
from PIL import Image

from embedded_webui.api import scripts
from embedded_webui.images import codec, infotext
from embedded_webui.requests import GenerationRequest, ImageToImageRequest, TextToImageRequest
from embedded_webui.web_ui import EmbeddedWebUi

Kind = TypeVar("Kind", bound=GenerationRequest)


def generation_routes(web_ui: EmbeddedWebUi) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.post("/txt2img")
    def text_to_image(request: TextToImageRequest) -> JSONResponse:
        request = _with_infotext(request)
        scripts.check(request)
        return _generate(web_ui, request, images=[], mask=None)

    @router.post("/img2img")
    def image_to_image(request: ImageToImageRequest) -> JSONResponse:
        request = _with_infotext(request)
        if request.init_images is None:
            raise HTTPException(404, "Init image not found")
        mask = codec.decode(request.mask, web_ui.options) if request.mask else None
        scripts.check(request)
        images = [codec.decode(image, web_ui.options) for image in request.init_images]
        return _generate(web_ui, request, images=images, mask=mask)

    @router.get("/progress")
    def progress(*, skip_current_image: bool = False) -> dict[str, Any]:
        options = web_ui.options
        every_steps = int(options["show_progress_every_n_steps"]) if options["live_previews_enable"] else -1
        body, preview = web_ui.state.response(every_steps=every_steps, wants_preview=not skip_current_image)
        if preview:
            body["current_image"] = codec.encode(preview, options, infotext=None)
        return body

    @router.post("/interrupt")
    def interrupt() -> dict[str, Any]:
        web_ui.state.interrupted = True
        return {}

    @router.post("/skip")
    def skip() -> None:
        web_ui.state.skipped = True

    return router


def _generate(
    web_ui: EmbeddedWebUi, request: GenerationRequest, *, images: list[Image.Image], mask: Image.Image | None
) -> JSONResponse:
    result = web_ui.run(lambda: web_ui.generator.generate(request, images=images, mask=mask))
    # Outside the queue, so that the next request runs while these images are encoded.
    encoded = [
        codec.encode(image, web_ui.options, infotext=text)
        for image, text in zip(result.images, result.infotexts, strict=True)
        if request.send_images
    ]
    return JSONResponse({"images": encoded, "parameters": request.echo(), "info": json.dumps(result.info)})


def _with_infotext(request: Kind) -> Kind:
    """Return the request with the fields of its `infotext` that it does not set itself."""
    if not request.infotext:
        return request
    fields = {"override_settings": {}, **infotext.request_fields(request.infotext)}
    return type(request).model_validate(fields | request.model_dump(exclude_unset=True))
