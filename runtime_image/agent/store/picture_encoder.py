"""Encoder of stored pictures: thumbnails of what the engine made."""

import io
import threading
from typing import Final

from PIL import Image

from contract.work import MAX_PIXELS

#: Pixels of a thumbnail's longer side: large enough for a page with many pictures, and 5 to 35 KB as WebP.
THUMBNAIL_SIDE: Final = 256
THUMBNAIL_TYPE: Final = "image/webp"
_THUMBNAIL_QUALITY: Final = 80
#: Formats of Pillow that engines make. A film has no thumbnail.
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "AVIF", "GIF")
#: Parts of the longer side that Pillow first shrinks a picture to, which halves the time.
_REDUCING_GAP: Final = 2.0


class UnreadablePicture(Exception):
    """Raised for a picture that Pillow cannot unpack, or that is too large to be unpacked here."""


class PictureEncoder:
    """Prepares Pillow; its methods may then be called from any thread."""

    def __init__(self) -> None:
        Image.init()
        # One picture at a time, because the largest needs a quarter of a gigabyte.
        self._unpacking = threading.Lock()

    def thumbnail(self, data: bytes) -> bytes:
        """Return a picture within 256 x 256 pixels as WebP, without its texts; raises UnreadablePicture."""
        try:
            with self._unpacking, Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
                _check_size(picture)
                picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), reducing_gap=_REDUCING_GAP)
                small = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
        except UnreadablePicture:
            raise
        except Exception as error:
            # Pillow raises nearly anything on a broken file.
            raise UnreadablePicture(f"{type(error).__name__}: {error}") from error
        file = io.BytesIO()
        small.save(file, "WEBP", quality=_THUMBNAIL_QUALITY)
        return file.getvalue()


def _check_size(picture: Image.Image) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise UnreadablePicture(f"it has {picture.width} x {picture.height} pixels")
