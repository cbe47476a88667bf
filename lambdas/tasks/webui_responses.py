"""Web UI's response to a finished task, assembled from the parts that the agent stored."""

import base64
import json
from typing import Any, Final

from contract.record import Record
from lambdas.tasks.output_bucket import OutputBucket

#: Bytes of JSON in a function's response: Lambda's limit of 6 MB less a margin for headers and envelope.
MAX_RESPONSE_BYTES: Final = 6 * 1024 * 1024 - 64 * 1024
#: Field of a response with the form of its pictures, if they are not base64.
FORMAT_FIELD: Final = "image_format"
LINK_FORMAT: Final = "url"
#: Field of a response with a link to the Web UI's response, if that is too large even without pictures.
RESPONSE_LINK_FIELD: Final = "response_url"
#: Endpoints whose response has one picture in `image` instead of a list in `images`.
_SINGLE_PICTURE: Final = frozenset({"sdapi/v1/extra-single-image"})


def webui_response(record: Record, outputs: OutputBucket, *, max_bytes: int = MAX_RESPONSE_BYTES) -> Any:
    """Return the response of a completed `webui-api` task; it has at most `max_bytes` as a JSON string.

    Pictures that fit are base64, as the Web UI sent them. Otherwise each is an https link that works for an hour at
    most, and `image_format` is "url". If even the rest does not fit, `response_url` is such a link to it.
    If the record does not name all pictures, `image_count` is their number, and `manifest_url` links to the list.

    Raises:
        OutputGone: an object was deleted meanwhile.
    """
    rest, rest_bytes = _rest(record, outputs, max_bytes)
    if not record.image_urls or not isinstance(rest, dict):
        return rest
    if record.deliveries:
        rest |= {"deliveries": [delivery.model_dump() for delivery in record.deliveries]}
    pictures = None
    if record.manifest_url is not None:
        rest |= {"image_count": record.image_count, "manifest_url": outputs.link(record.manifest_url)}
    elif RESPONSE_LINK_FIELD not in rest:
        pictures = outputs.read_within(record.image_urls, max_bytes=max(max_bytes - rest_bytes, 0) * 3 // 4)
    if pictures is None:
        links = [outputs.link(uri) for uri in record.image_urls]
        return _with_pictures(record, rest, links) | {FORMAT_FIELD: LINK_FORMAT}
    return _with_pictures(record, rest, [base64.b64encode(picture).decode() for picture in pictures])


def response_link(record: Record, outputs: OutputBucket) -> str | None:
    """Return a link to the Web UI's response without its pictures."""
    return outputs.link(record.output_url) if record.output_url else None


def _rest(record: Record, outputs: OutputBucket, max_bytes: int) -> tuple[Any, int]:
    """Return the Web UI's response without its pictures, or the link to it, and its size in bytes."""
    if not record.output_url:
        return None, 0
    if stored := outputs.read_within([record.output_url], max_bytes=max_bytes):
        rest = json.loads(stored[0])
        # Lambda returns the body as JSON inside JSON, which doubles its quotation marks.
        size = len(json.dumps(json.dumps(rest)))
        if size <= max_bytes:
            return rest, size
    return {RESPONSE_LINK_FIELD: response_link(record, outputs)}, 0


def _with_pictures(record: Record, rest: dict[str, Any], pictures: list[str]) -> dict[str, Any]:
    return {"image": pictures[0]} | rest if record.endpoint in _SINGLE_PICTURE else {"images": pictures} | rest
