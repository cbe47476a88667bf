"""Reader of input pictures: each is unpacked once here, so that no broken one reaches the engine."""

import io
import threading
from contextlib import suppress
from typing import Final

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from contract.picture_formats import INPUT_FORMATS, UnusablePicture, check_input_format
from contract.work import MAX_PIXELS, Size
from runtime_image.process.engine import InputFile

#: Length of a text in a picture. The Web UI searches parameters with an expression that needs quadratic time, so a text
#: of a megabyte would stop it for minutes.
MAX_TEXT_LENGTH: Final = 65_536
#: Texts that the Web UI reads, by their names in Pillow: PNG's parameters, GIF's comment, the EXIF of the others, and
#: the two of a picture by NovelAI.
_TEXTS: Final = ("parameters", "comment", "exif", "Comment", "Description")
#: Modes of Pillow with at most eight bits for each part of a pixel.
_EIGHT_BIT_MODES: Final = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB"})
#: Beginning of the modes for grey pixels of 16 bits. The Web UI would show all but the darkest as white.
_SIXTEEN_BIT_MODES: Final = "I;16"
#: EXIF's orientations of pictures that lie on their side; the Web UI turns them.
_ON_THE_SIDE: Final = range(5, 9)
#: A JPEG is unpacked with an eighth of its width and height, which needs all of its data and little memory.
_JPEG_PART: Final = 8


class PictureReader:
    """Prepares Pillow; `read` may then be called from any thread."""

    def __init__(self) -> None:
        Image.init()
        # Pillow's own limit is a warning that the whole process shares; here the size is checked before anything is
        # unpacked.
        Image.MAX_IMAGE_PIXELS = None
        self._formats = tuple(known.name.upper() for known in INPUT_FORMATS)
        # One picture at a time, because the largest needs a quarter of a gigabyte.
        self._unpacking = threading.Lock()

    def read(self, data: bytes) -> InputFile:
        """Return a picture that the engine can be given; raises UnusablePicture for everything else."""
        check_input_format(data)
        try:
            with self._unpacking, Image.open(io.BytesIO(data), formats=self._formats) as picture:
                return self._read(data, picture)
        except UnusablePicture:
            raise
        except Exception as error:
            # Pillow raises nearly anything on a broken file.
            raise UnusablePicture(f"it is cut off or damaged ({type(error).__name__})") from error

    def _read(self, data: bytes, picture: Image.Image) -> InputFile:
        width, height = picture.size
        if width * height > MAX_PIXELS:
            megapixels = MAX_PIXELS // 1_000_000
            raise UnusablePicture(f"the picture has {width} x {height} pixels; {megapixels} megapixels are accepted")
        picture.draft(None, (width // _JPEG_PART, height // _JPEG_PART))
        picture.load()
        if any(len(picture.info.get(name) or "") > MAX_TEXT_LENGTH for name in _TEXTS):
            raise UnusablePicture(f"the picture holds a text of more than {MAX_TEXT_LENGTH} characters")
        if picture.mode.startswith(_SIXTEEN_BIT_MODES):
            data = _with_eight_bits(picture)
        elif picture.mode not in _EIGHT_BIT_MODES:
            raise UnusablePicture("its pixels have more than 16 bits; write 8 bits for each colour")
        return InputFile(data, Size(height, width) if _lies_on_its_side(picture) else Size(width, height))


def _with_eight_bits(picture: Image.Image) -> bytes:
    """Return a grey picture as PNG with its upper eight bits, and with its texts."""
    texts, file = PngInfo(), io.BytesIO()
    for name, text in picture.info.items():
        if isinstance(name, str) and isinstance(text, str):
            texts.add_text(name, text)
    grey = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    grey.save(file, "PNG", pnginfo=texts, exif=picture.getexif())
    return file.getvalue()


def _lies_on_its_side(picture: Image.Image) -> bool:
    # The Web UI uses a picture with broken EXIF data as it is.
    with suppress(Exception):
        return picture.getexif().get(ExifTags.Base.Orientation) in _ON_THE_SIDE
    return False
