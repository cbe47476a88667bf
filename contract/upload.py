"""Uploads: callers store input pictures that are too large for a request in the task bucket, and send links."""

from typing import Final

#: Folder of the task bucket. Links into it are always allowed, independent of the configured link hosts.
UPLOAD_FOLDER: Final = "uploads"
#: Links of one task.
MAX_LINKS: Final = 32
#: Bytes of one upload, equal to the limit of a linked picture.
MAX_UPLOAD_BYTES: Final = 50 * 1024 * 1024
#: File extension by content type of an upload: the types that a linked picture may have.
UPLOAD_TYPES: Final = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/bmp": "bmp",
    "image/tiff": "tiff",
}
