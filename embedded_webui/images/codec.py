"""Codec of images in requests and responses: base64 and `data:` URLs in, files with their infotext out."""

import base64
import io
from contextlib import suppress
from typing import Any, Final

from fastapi import HTTPException
from PIL import ExifTags, Image, ImageOps, PngImagePlugin

from embedded_webui.options import WebUiOptions

#: Mark of a UTF-16 comment in EXIF.
_UNICODE_MARK: Final = b"UNICODE\0"
#: Keys of Pillow's `info` that are technical, not texts of the image.
_TECHNICAL: Final = frozenset(
    {
        "jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "exif", "loop", "background", "timestamp",
        "duration", "progressive", "progression", "icc_profile", "chromaticity", "photoshop",
    }
)  # fmt: skip
_SIXTEEN_BIT_MODES: Final = ("I", "I;16")


def decode(source: object, options: WebUiOptions) -> Image.Image:
    """Return the image that `source` holds, or raise the Web UI's `HTTPException`. No link is fetched here."""
    text = source if isinstance(source, str) else ""
    if text.startswith(("http://", "https://")):
        is_allowed = options["api_enable_requests"]
        raise HTTPException(500, "Request to local resource not allowed" if is_allowed else "Requests not allowed")
    if text.startswith("data:image/"):
        text = text.partition(";")[2].partition(",")[2]
    try:
        image = _upright(Image.open(io.BytesIO(base64.b64decode(text))))
    except Exception as error:
        raise HTTPException(500, "Invalid encoded image") from error
    return image.convert("L") if image.mode in _SIXTEEN_BIT_MODES else image


def encode(image: Image.Image, options: WebUiOptions, *, infotext: str | None, key: str = "parameters") -> str:
    """Return an image as base64, in the format of the option `samples_format`, with its infotext inside."""
    output = io.BytesIO()
    image_format = str(options["samples_format"]).lower()
    if image_format == "png":
        chunks = PngImagePlugin.PngInfo()
        if infotext is not None:
            chunks.add_text(key, infotext)
        image.save(output, format="PNG", pnginfo=chunks)
    elif image_format in {"jpg", "jpeg", "webp"}:
        exif = Image.Exif()
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = _UNICODE_MARK + (infotext or "").encode(
            "utf-16-be"
        )
        image.convert("RGB").save(
            output, format="WEBP" if image_format == "webp" else "JPEG", quality=options["jpeg_quality"], exif=exif
        )
    else:
        raise HTTPException(500, "Invalid image format")
    return base64.b64encode(output.getvalue()).decode("ascii")


def read_text(image: Image.Image) -> tuple[str, dict[str, Any]]:
    """Return the infotext of an image, or an empty text, and its other texts."""
    items = {str(name): value for name, value in image.info.items() if name not in _TECHNICAL}
    infotext = items.pop("parameters", None)
    comment = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
    if infotext is None and isinstance(comment, bytes) and comment.startswith(_UNICODE_MARK):
        infotext = comment.removeprefix(_UNICODE_MARK).decode("utf-16-be", errors="replace")
    return str(infotext or ""), {name: _readable(value) for name, value in items.items()}


def flatten(image: Image.Image, background: str) -> Image.Image:
    """Return the image in RGB; transparent pixels get the colour `background`."""
    if image.mode == "RGBA":
        ground = Image.new("RGBA", image.size, background)
        ground.alpha_composite(image)
        image = ground
    return image.convert("RGB")


def grid(images: list[Image.Image], *, columns: int = 0) -> Image.Image:
    """Return one image of all, by default in about as many rows as columns."""
    columns = columns or -(-len(images) // max(1, round(len(images) ** 0.5)))
    rows = -(-len(images) // columns)
    width, height = (max(sides) for sides in zip(*(image.size for image in images), strict=True))
    sheet = Image.new("RGB", (width * columns, height * rows))
    for number, image in enumerate(images):
        sheet.paste(image, (number % columns * width, number // columns * height))
    return sheet


def _upright(image: Image.Image) -> Image.Image:
    """Load the image, turn it as its EXIF data says, and make its transparent colour an alpha channel."""
    image.load()
    # The real one uses the image as it is if its EXIF data are broken.
    with suppress(Exception):
        image = ImageOps.exif_transpose(image)
    has_transparent_colour = image.mode in {"RGB", "P"} and isinstance(image.info.get("transparency"), bytes)
    return image.convert("RGBA") if has_transparent_colour else image


def _readable(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="ignore")
    return value if isinstance(value, str | int | float | bool | None) else str(value)
