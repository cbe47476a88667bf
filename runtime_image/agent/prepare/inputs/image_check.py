"""Check that an input is a picture, by its content, of a size that is safe to unpack."""

import io
from typing import Final

from PIL import Image, UnidentifiedImageError

from contract.work import MAX_PIXELS, Size
from guarded_http.errors import LinkRefused

#: Accepted formats. Pillow knows many more, some of which start other programs (EPS).
FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")


#: Length of a text in a picture. The Web UI searches parameters with an expression that needs quadratic time, so a text
#: of a megabyte would stop it for minutes.
MAX_TEXT_LENGTH: Final = 65_536
#: Texts that the Web UI reads, by their names in Pillow: PNG's parameters, GIF's comment, and the EXIF of the others.
_TEXTS: Final = ("parameters", "comment", "exif")
#: Beginning of PNG's parameters in the file.
_PNG_PARAMETERS: Final = b"parameters\0"


class ImageCheck:
    """Prepares Pillow; `check` may then be called from any thread."""

    def __init__(self) -> None:
        Image.init()
        # Pillow's own limit is a warning that the whole process shares; here the size is checked before anything is
        # unpacked.
        Image.MAX_IMAGE_PIXELS = None

    def check(self, data: bytes) -> Size:
        """Return the size of a picture; raises LinkRefused unless it is one that the Web UI can be given."""
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                width, height = picture.size
                has_long_text = any(len(picture.info.get(name) or "") > MAX_TEXT_LENGTH for name in _TEXTS)
                if width * height <= MAX_PIXELS:
                    picture.verify()
        except UnidentifiedImageError:
            raise LinkRefused("it is not a picture") from None
        except Exception as error:
            # Pillow raises nearly anything on a broken file.
            raise LinkRefused(f"it is not a readable picture ({type(error).__name__})") from error
        if width * height > MAX_PIXELS:
            megapixels = MAX_PIXELS // 1_000_000
            raise LinkRefused(f"the picture has {width} x {height} pixels; {megapixels} megapixels are accepted")
        # Pillow reads what follows the pixels only with them, and no program writes parameters there.
        if has_long_text or data.find(_PNG_PARAMETERS, data.find(b"IDAT")) > data.find(b"IDAT") > 0:
            raise LinkRefused(f"the picture holds a text of more than {MAX_TEXT_LENGTH} characters, or one at its end")
        return Size(width, height)
