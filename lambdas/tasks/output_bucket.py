"""Output bucket for callers of the HTTP API: links that work without a key, and inline reads."""

import contextlib
from collections.abc import Sequence
from typing import Any, Final

from contract.errors import DarkroomError
from contract.storage import S3Location

#: Seconds for which a link works. It stops earlier if the credentials of the function expire.
LINK_SECONDS: Final = 3600


class OutputGone(DarkroomError):
    """Raised when an output of a completed task is no longer in the bucket."""

    code = "output_gone"


class OutputBucket:
    """Reads and links the outputs that agents stored, by `s3://` URI."""

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def link(self, uri: str) -> str:
        """Return an https link to an object that works for LINK_SECONDS."""
        return str(self._client.generate_presigned_url("get_object", Params=_parameters(uri), ExpiresIn=LINK_SECONDS))

    def read_within(self, uris: Sequence[str], *, max_bytes: int) -> list[bytes] | None:
        """Return the objects, or None at the first that exceeds `max_bytes` for all together.

        Raises:
            OutputGone: an object was deleted.
        """
        found = []
        for uri in uris:
            try:
                response = self._client.get_object(**_parameters(uri))
            except self._client.exceptions.NoSuchKey:
                raise OutputGone(f"{uri} was deleted from the output bucket; run the task again") from None
            max_bytes -= response["ContentLength"]
            with contextlib.closing(response["Body"]) as body:
                if max_bytes < 0:
                    return None
                found.append(body.read())
        return found


def _parameters(uri: str) -> dict[str, str]:
    location = S3Location.of(uri)
    return {"Bucket": location.bucket, "Key": location.key}
