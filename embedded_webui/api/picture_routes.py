"""Routes for pictures that exist: extras, `png-info` and `interrogate`."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, HTTPException
from PIL import Image

from embedded_webui.images import captions, codec, infotext, upscalers
from embedded_webui.requests import ExtraBatchImagesRequest, ExtraSingleImageRequest, ExtrasRequest
from embedded_webui.web_ui import EmbeddedWebUi

#: Key of the infotext in images that extras made.
_EXTRAS_KEY: Final = "postprocessing"


def picture_routes(web_ui: EmbeddedWebUi) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

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

    return router
