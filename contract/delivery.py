"""Results of copying a task's pictures, as record, callback and answers hold them."""

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict

from contract.json_values import compact_json

#: Bytes of the list as JSON: what a callback has room for next to the list of the pictures, the context and an error.
MAX_LISTED_BYTES: Final = 24 * 1024


class PictureCopy(BaseModel):
    """Copy of one picture; the list of a task is in the order of its pictures."""

    model_config = ConfigDict(frozen=True)

    #: Without the query of a presigned link, which is a secret; None without a link for the picture.
    url: str | None = None
    #: Why the picture is not there; None if it is.
    error: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """Return the delivery as callbacks and answers have it."""
        return {"url": self.url, "error": self.error}


def listed(deliveries: Sequence[PictureCopy]) -> tuple[PictureCopy, ...]:
    """Return the first deliveries, as many as a record and a callback can hold."""
    room = MAX_LISTED_BYTES
    for number, delivery in enumerate(deliveries):
        room -= len(compact_json(delivery.as_dict())) + 1
        if room < 0:
            return tuple(deliveries[:number])
    return tuple(deliveries)
