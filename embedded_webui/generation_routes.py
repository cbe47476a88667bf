"""Routes that make pictures and tell of it: text-to-image, image-to-image, progress, interrupt, skip."""

from typing import Any, TypeVar

from fastapi import APIRouter, HTTPException
from fastapi.responses import JSONResponse
from PIL import Image

from embedded_webui import images, infotext, scripts
from embedded_webui.requests import GenerationRequest, ImageToImageRequest, TextToImageRequest
from embedded_webui.web_ui import WebUi

Kind = TypeVar("Kind", bound=GenerationRequest)


def generation_routes(web_ui: WebUi) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.post("/txt2img")
    def text_to_image(request: TextToImageRequest) -> JSONResponse:
        request = _with_infotext(request)
        scripts.check(request)
        return _generate(web_ui, request, pictures=[], mask=None)

    @router.post("/img2img")
    def image_to_image(request: ImageToImageRequest) -> JSONResponse:
        request = _with_infotext(request)
        if request.init_images is None:
            raise HTTPException(404, "Init image not found")
        mask = images.decode(request.mask, web_ui.options) if request.mask else None
        scripts.check(request)
        pictures = [images.decode(picture, web_ui.options) for picture in request.init_images]
        return _generate(web_ui, request, pictures=pictures, mask=mask)

    @router.get("/progress")
    def progress(*, skip_current_image: bool = False) -> dict[str, Any]:
        options = web_ui.options
        every_steps = int(options["show_progress_every_n_steps"]) if options["live_previews_enable"] else -1
        body, preview = web_ui.state.answer(every_steps=every_steps, preview_wanted=not skip_current_image)
        if preview:
            body["current_image"] = images.encode(preview, options, infotext=None)
        return body

    @router.post("/interrupt")
    def interrupt() -> dict[str, Any]:
        web_ui.state.interrupt()
        return {}

    @router.post("/skip")
    def skip() -> None:
        web_ui.state.skip()

    return router


def _generate(
    web_ui: WebUi, request: GenerationRequest, *, pictures: list[Image.Image], mask: Image.Image | None
) -> JSONResponse:
    result = web_ui.queue.run(lambda: web_ui.generator.generate(request, pictures=pictures, mask=mask))
    # Outside the queue: whoever waits there runs while this picture is encoded.
    encoded = [
        images.encode(picture, web_ui.options, infotext=text)
        for picture, text in zip(result.pictures, result.infotexts, strict=True)
        if request.send_images
    ]
    return JSONResponse({"images": encoded, "parameters": request.echo(), "info": result.info})


def _with_infotext(request: Kind) -> Kind:
    """Return the request with what its `infotext` says of fields that it does not set itself."""
    if not request.infotext:
        return request
    said = infotext.request_fields(request.infotext, allowed=type(request).model_fields)
    fields = {name: value for name, value in said.items() if name not in request.model_fields_set}
    return request.model_copy(update={"override_settings": {}, **fields} if not request.override_settings else fields)
