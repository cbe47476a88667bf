"""The Web UI's own answer to a finished task, put together again from what the agent stored of it."""

import base64
import json
from typing import Any, Final

from contract.record import Record
from lambdas.output_bucket import OutputBucket

#: Bytes of JSON that a function may answer: Lambda ends at 6 MB, of which headers and envelope take a little.
MAX_ANSWER_BYTES: Final = 6 * 1024 * 1024 - 64 * 1024
#: Field of an answer that says what the entries of its pictures are, where they are no base64.
FORMAT_FIELD: Final = "image_format"
LINK_FORMAT: Final = "url"
#: Endpoints whose answer has one picture in `image`, not a list in `images`.
_SINGLE_PICTURE: Final = frozenset({"sdapi/v1/extra-single-image"})


class WebUiAnswers:
    """Reads answers of `webui-api` tasks."""

    def __init__(self, *, outputs: OutputBucket) -> None:
        self._outputs = outputs

    def read(self, record: Record, *, max_bytes: int = MAX_ANSWER_BYTES) -> Any:
        """Return the answer of a completed task.

        Pictures are base64, as the Web UI sent them, while the answer stays below `max_bytes` as a JSON string;
        otherwise each is an https link that works for an hour, and `image_format` says "url".
        """
        rest = json.loads(self._outputs.read(record.output_url)) if record.output_url else None
        if not record.image_urls or not isinstance(rest, dict):
            return rest
        # A body is JSON within JSON on its way out of Lambda, which doubles its quotation marks.
        room = max(max_bytes - len(json.dumps(json.dumps(rest))), 0)
        pictures = self._outputs.read_within(record.image_urls, max_bytes=room * 3 // 4)
        if pictures is None:
            return _with_pictures(record, rest, [self._outputs.link(uri) for uri in record.image_urls]) | {
                FORMAT_FIELD: LINK_FORMAT
            }
        return _with_pictures(record, rest, [base64.b64encode(picture).decode() for picture in pictures])


def _with_pictures(record: Record, rest: dict[str, Any], pictures: list[str]) -> dict[str, Any]:
    return {"image": pictures[0]} | rest if record.endpoint in _SINGLE_PICTURE else {"images": pictures} | rest
