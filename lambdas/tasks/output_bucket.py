"""The output bucket as callers of the HTTP API get at it: through links that work without a key, or inline."""

import contextlib
from collections.abc import Sequence
from typing import Any, Final

from contract.errors import DarkroomError

#: Seconds for which a link works. The function's own credentials end it sooner if they are renewed.
LINK_SECONDS: Final = 3600


class OutputGone(DarkroomError):
    """Raised when an output of a completed task is no longer in the bucket."""

    code = "output_gone"


class OutputBucket:
    """Reads and links what agents stored, by `s3://` URI."""

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def link(self, uri: str) -> str:
        """Return an https link to an object that works for LINK_SECONDS."""
        return str(self._client.generate_presigned_url("get_object", Params=_location(uri), ExpiresIn=LINK_SECONDS))

    def read_within(self, uris: Sequence[str], *, max_bytes: int) -> list[bytes] | None:
        """Return the objects, or None if they have more than `max_bytes` together; none of the rest is read then.

        Raises:
            OutputGone: if one was deleted.
        """
        found = []
        for uri in uris:
            try:
                answer = self._client.get_object(**_location(uri))
            except self._client.exceptions.NoSuchKey:
                raise OutputGone(f"{uri} was deleted from the output bucket; run the task again") from None
            max_bytes -= answer["ContentLength"]
            with contextlib.closing(answer["Body"]) as body:
                if max_bytes < 0:
                    return None
                found.append(body.read())
        return found


def _location(uri: str) -> dict[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key}
