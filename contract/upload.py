"""Uploads: input pictures too large for a request, put into the task bucket by their owner and named by a link."""

from typing import Final

#: Folder of the task bucket; links into it are followed whatever the environment says of others.
UPLOAD_FOLDER: Final = "uploads"
#: Bytes of one upload, as much as a link may bring.
MAX_UPLOAD_BYTES: Final = 50 * 1024 * 1024
#: Content type and file extension of what may be uploaded: the pictures that a link may lead to.
UPLOAD_TYPES: Final = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/bmp": "bmp",
    "image/tiff": "tiff",
}
