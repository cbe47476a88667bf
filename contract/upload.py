"""Uploads: callers store input pictures that are too large for a request in the task bucket, and send links."""

import secrets
from typing import Final

from contract.picture_formats import INPUT_FORMATS

#: Random bytes of an upload's name, because a link is enough to use the upload.
NAME_BYTES: Final = 24
#: Folder of the task bucket. Links into it are always allowed, independent of the configured link hosts.
UPLOAD_FOLDER: Final = "uploads"
#: Links of one task.
MAX_LINKS: Final = 32
#: Bytes of what one link may bring, packed and unpacked.
MAX_LINK_BYTES: Final = 50 * 1024 * 1024
#: Bytes of all input pictures of one task. Eight such tasks that wait, each as its request of 4/3 of the bytes, and one
#: in preparation fit into the 1.2 GiB of the smallest agent (docs/performance.md).
MAX_TASK_BYTES: Final = 64 * 1024 * 1024
#: Bytes of one upload.
MAX_UPLOAD_BYTES: Final = MAX_LINK_BYTES
#: Content type of JSON lines, in which the tasks of a batch are uploaded.
JSON_LINES: Final = "application/x-ndjson"
#: File extension by content type of a picture that may be uploaded and linked.
PICTURE_TYPES: Final = {known.content_type: known.extension for known in INPUT_FORMATS}
#: The same of every upload, the tasks of a batch included.
UPLOAD_TYPES: Final = PICTURE_TYPES | {JSON_LINES: "jsonl"}


def new_upload_name() -> str:
    """Return a name for an upload that cannot be guessed."""
    return secrets.token_urlsafe(NAME_BYTES)


def upload_key(tenant: str, name: str) -> str:
    """Return the key in the task bucket of an upload."""
    return "/".join(filter(None, (UPLOAD_FOLDER, tenant, name)))
