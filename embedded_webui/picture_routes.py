"""Routes that work on pictures that are there already: extras, `png-info` and `interrogate`."""

from typing import Any

from fastapi import APIRouter, HTTPException
from PIL import Image

from embedded_webui import extras, images, infotext, interrogation
from embedded_webui.requests import (
    ExtraBatchImagesRequest,
    ExtraSingleImageRequest,
    ExtrasRequest,
    InterrogateRequest,
    PngInfoRequest,
)
from embedded_webui.web_ui import WebUi

#: Name of the text in pictures that extras made.
_EXTRAS_KEY = "postprocessing"


def picture_routes(web_ui: WebUi) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    def enlarge(pictures: list[Image.Image], request: ExtrasRequest) -> tuple[str, list[str]]:
        made = web_ui.queue.run(lambda: [extras.enlarge(picture, request) for picture in pictures])
        texts = [extras.describe(done) for _, done in made]
        encoded = [
            images.encode(picture, web_ui.options, infotext=text, key=_EXTRAS_KEY)
            for (picture, _), text in zip(made, texts, strict=True)
        ]
        return f"<p>{texts[-1] if texts else ''}</p>", encoded

    @router.post("/extra-single-image")
    def extra_single_image(request: ExtraSingleImageRequest) -> dict[str, Any]:
        html_info, encoded = enlarge([images.decode(request.image, web_ui.options)], request)
        return {"html_info": html_info, "image": encoded[0]}

    @router.post("/extra-batch-images")
    def extra_batch_images(request: ExtraBatchImagesRequest) -> dict[str, Any]:
        pictures = [images.decode(picture.data, web_ui.options) for picture in request.imageList]
        html_info, encoded = enlarge(pictures, request)
        return {"html_info": html_info, "images": encoded}

    @router.post("/png-info")
    def png_info(request: PngInfoRequest) -> dict[str, Any]:
        text, items = images.read_text(images.decode(request.image, web_ui.options))
        return {"info": text, "items": items, "parameters": infotext.read(text)}

    @router.post("/interrogate")
    def interrogate(request: InterrogateRequest) -> dict[str, str]:
        image = images.decode(request.image, web_ui.options)
        if request.model == "clip":
            return {"caption": web_ui.queue.run(lambda: interrogation.caption(image))}
        if request.model == "deepdanbooru":
            return {"caption": web_ui.queue.run(lambda: ", ".join(interrogation.colours(image)))}
        raise HTTPException(404, "Model not found")

    return router
