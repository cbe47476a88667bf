"""Pictures of a run as its record and its callback name them: as many as fit, and a manifest in S3 that names all."""

from collections.abc import Sequence
from typing import Any, Final

from contract.json_values import compact_json

#: Bytes of the list as JSON. SNS accepts 256 KiB, of which a context of 32 KiB may need 96 KiB once it is ASCII; the
#: rest is room for an error. A usual URI has about 100 bytes, so about 750 pictures are listed.
MAX_LISTED_BYTES: Final = 80 * 1024
#: Bytes of an error as JSON. A longer one loses its details and the Web UI's response.
MAX_ERROR_BYTES: Final = 32 * 1024
#: Characters of the message that is left of such an error.
_MAX_MESSAGE_LENGTH: Final = 2000


def listed(uris: Sequence[str]) -> tuple[str, ...]:
    """Return the first of the pictures, as many as a record and a callback can hold."""
    room = MAX_LISTED_BYTES
    for number, uri in enumerate(uris):
        room -= len(compact_json(uri)) + 1
        if room < 0:
            return tuple(uris[:number])
    return tuple(uris)


def manifest(uris: Sequence[str], output_url: str) -> str:
    """Return the object in S3 that names every output of a run."""
    return compact_json({"image_url": list(uris), "output_url": output_url})


def fitting_error(error: dict[str, Any]) -> dict[str, Any]:
    """Return an error that fits into a record and a callback; one that was cut says so by `cut`."""
    if len(compact_json(error)) <= MAX_ERROR_BYTES:
        return error
    return {"code": error["code"], "message": error["message"][:_MAX_MESSAGE_LENGTH], "cut": True}
