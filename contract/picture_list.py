"""Pictures of a run, and their copies, as its record and callback name them: as many as fit; a manifest names all."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict

from contract.json_values import compact_json

#: Bytes of the list as JSON. SNS accepts 256 KiB, of which a context of 32 KiB may need 96 KiB once it is ASCII; the
#: rest is room for an error. A usual URI has about 100 bytes, so about 750 pictures are listed.
MAX_LISTED_BYTES: Final = 80 * 1024
#: Bytes of the list of copies: what a callback has room for next to the list of the pictures, the context and an error.
MAX_COPIES_BYTES: Final = 24 * 1024
#: Bytes of an error as JSON. A longer one loses its details and the Web UI's response.
MAX_ERROR_BYTES: Final = 32 * 1024
#: Characters of the message that is left of such an error.
_MAX_MESSAGE_LENGTH: Final = 2000

Listed = TypeVar("Listed")


class PictureCopy(BaseModel):
    """Copy of one picture, as records, callbacks and answers have it; their lists are in the order of the pictures."""

    model_config = ConfigDict(frozen=True)

    #: Without the query of a presigned link, which is a secret; None without a link for the picture.
    url: str | None = None
    #: Why the picture is not there; None if it is.
    error: str | None = None


def listed(uris: Sequence[str]) -> tuple[str, ...]:
    """Return the first of the pictures, as many as a record and a callback can hold."""
    return _fitting(uris, str, MAX_LISTED_BYTES)


def listed_copies(copies: Sequence[PictureCopy]) -> tuple[PictureCopy, ...]:
    """Return the first of the copies, as many as a record and a callback can hold."""
    return _fitting(copies, PictureCopy.model_dump, MAX_COPIES_BYTES)


def manifest(uris: Sequence[str], output_url: str) -> str:
    """Return the object in S3 that names every output of a run."""
    return compact_json({"image_url": list(uris), "output_url": output_url})


def fitting_error(error: dict[str, Any]) -> dict[str, Any]:
    """Return an error that fits into a record and a callback; one that was cut says so by `cut`."""
    if len(compact_json(error)) <= MAX_ERROR_BYTES:
        return error
    return {"code": error["code"], "message": error["message"][:_MAX_MESSAGE_LENGTH], "cut": True}


def _fitting(items: Sequence[Listed], as_json: Callable[[Listed], object], room: int) -> tuple[Listed, ...]:
    for number, item in enumerate(items):
        room -= len(compact_json(as_json(item))) + 1
        if room < 0:
            return tuple(items[:number])
    return tuple(items)
