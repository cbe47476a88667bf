"""Encoder of stored pictures: the format that a task asks for, and thumbnails."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Final

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from contract.errors import DarkroomError
from contract.output_request import OutputRequest
from contract.picture_formats import detect_format
from contract.work import MAX_PIXELS
from runtime_image.process.engine import MadeFile

#: Pixels of a thumbnail's longer side: large enough for a page with many pictures, and 5 to 35 KB as WebP.
THUMBNAIL_SIDE: Final = 256
THUMBNAIL_TYPE: Final = "image/webp"
_THUMBNAIL_QUALITY: Final = 80
#: Of a format that drops details: few people see a difference, and a JPEG has a fifth of a PNG's bytes.
DEFAULT_QUALITY: Final = 90
#: Formats of Pillow in which engines make pictures.
_MADE: Final = ("PNG", "JPEG", "WEBP", "AVIF", "GIF")
#: Format of a picture that is only freed of its texts, by the ending of its file.
_UNCHANGED: Final = {"png": "png", "jpg": "jpeg", "webp": "webp", "avif": "avif", "gif": "png"}
#: Beginning of the modes for grey pixels of 16 bits. Pillow would convert all but the darkest to white.
_SIXTEEN_BIT_MODES: Final = "I;16"
#: Parts of the longer side that Pillow first shrinks a picture to, which halves the time.
_REDUCING_GAP: Final = 2.0
#: Effort of the AVIF encoder, 0 to 10. The default, 6, needs twice the time for files that are 5% smaller.
_AVIF_SPEED: Final = 8
#: Effort of the WebP encoder, 0 to 6. The default, 4, needs twice the time for files that are 3 % smaller.
_WEBP_EFFORT: Final = 2
#: Bytes of the EXIF segment of a JPEG, whose length has 16 bits; Pillow writes a head before it.
_MAX_JPEG_EXIF_BYTES: Final = 65_500
#: Name of the Web UI's generation parameters in a PNG, and their encoding in the EXIF of other formats.
_PARAMETERS: Final = "parameters"
_UNICODE: Final = b"UNICODE\0"


class UnreadablePicture(DarkroomError):
    """Raised for a picture that Pillow cannot unpack, or that is too large to be unpacked here."""

    code = "unreadable_picture"

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}; without `format` and `metadata` in `metadata.output` it is stored as it is")


class PictureEncoder:
    """Prepares Pillow; its methods may then be called from any thread."""

    def __init__(self) -> None:
        Image.init()
        # One picture at a time, because the largest needs a quarter of a gigabyte.
        self._unpacking = threading.Lock()

    def thumbnail(self, made: MadeFile) -> bytes:
        """Return a picture within 256 x 256 pixels as WebP, without its texts; raises UnreadablePicture."""
        with self._opened(made) as picture:
            picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), reducing_gap=_REDUCING_GAP)
            return _save(_without_texts(picture), "webp", quality=_THUMBNAIL_QUALITY)

    def convert(self, picture: MadeFile, wanted: OutputRequest) -> MadeFile:
        """Return a picture in the form that a task asks for; raises UnreadablePicture.

        Films and animations stay as they are. A picture that is too large for its format becomes a PNG.
        """
        if not wanted.changes_pictures or picture.extension not in _UNCHANGED:
            return picture
        with self._opened(picture) as opened:
            if getattr(opened, "is_animated", False):
                return picture
            format_ = wanted.format or _UNCHANGED[picture.extension]
            parameters = _parameters_of(opened) if wanted.metadata else ""
            plain = _without_texts(opened)
            try:
                data = _save(plain, format_, quality=wanted.quality or DEFAULT_QUALITY, parameters=parameters)
            except Exception:  # noqa: BLE001 - each encoder of Pillow has other errors for a size beyond its limit
                data = _save(plain, "png", parameters=parameters)
        kind = detect_format(data)
        assert kind  # noqa: S101 - Pillow wrote it
        return replace(picture, content=data, extension=kind.extension, content_type=kind.content_type)

    @contextmanager
    def _opened(self, made: MadeFile) -> Iterator[Image.Image]:
        try:
            with self._unpacking, made.opened() as content:
                file = io.BytesIO(content) if isinstance(content, bytes) else content
                with Image.open(file, formats=_MADE) as picture:
                    _check_size(picture)
                    yield picture
        except UnreadablePicture:
            raise
        except Exception as error:
            # Pillow raises nearly anything on a broken file.
            raise UnreadablePicture(f"a picture cannot be unpacked ({type(error).__name__}: {error})") from error


def _check_size(picture: Image.Image) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise UnreadablePicture(f"a picture has {picture.width} x {picture.height} pixels, which is too many")


def _without_texts(picture: Image.Image) -> Image.Image:
    """Return the pixels of a picture with 8 bits for each colour, and its colour profile."""
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith(_SIXTEEN_BIT_MODES):
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    plain = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    plain.info = {"icc_profile": profile} if profile else {}
    return plain


def _parameters_of(picture: Image.Image) -> str:
    """Return the generation parameters that the Web UI wrote into a picture."""
    found = picture.info.get(_PARAMETERS)
    if isinstance(found, str):
        return found
    with suppress(Exception):
        comment = picture.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
        if isinstance(comment, bytes) and comment.startswith(_UNICODE):
            return comment.removeprefix(_UNICODE).decode("utf-16-be")
    return ""


def _save(picture: Image.Image, format_: str, *, quality: int = DEFAULT_QUALITY, parameters: str = "") -> bytes:
    file = io.BytesIO()
    profile = picture.info.get("icc_profile")
    match format_:
        case "png":
            texts = PngInfo()
            if parameters:
                texts.add_text(_PARAMETERS, parameters)
            picture.save(file, "PNG", pnginfo=texts, icc_profile=profile)
        case "jpeg":
            exif = _exif(parameters)
            # Longer parameters do not fit; the answer of the Web UI, which is stored as well, has them.
            exif = exif if len(exif) <= _MAX_JPEG_EXIF_BYTES else b""
            _on_white(picture).save(file, "JPEG", quality=quality, exif=exif, icc_profile=profile)
        case "webp":
            exif = _exif(parameters)
            picture.save(file, "WEBP", quality=quality, method=_WEBP_EFFORT, exif=exif, icc_profile=profile)
        case _:
            picture.save(
                file, "AVIF", quality=quality, speed=_AVIF_SPEED, exif=_exif(parameters), icc_profile=profile or b""
            )
    return file.getvalue()


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode != "RGBA":
        return picture
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    return white


def _exif(parameters: str) -> bytes:
    if not parameters:
        return b""
    exif = Image.Exif()
    comment = _UNICODE + parameters.encode("utf-16-be", errors="replace")
    exif[ExifTags.IFD.Exif] = {int(ExifTags.Base.UserComment): comment}
    return exif.tobytes()
