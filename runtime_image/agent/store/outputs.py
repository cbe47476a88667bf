"""What a Web UI answer holds: pictures, told by their content, and the rest of the answer."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any, Final

from contract.json_values import compact_json
from runtime_image.agent.core.errors import NoPictures
from runtime_image.agent.store.image_formats import detect_format, is_whole
from runtime_image.webui.errors import WebUiFailed
from runtime_image.webui.request import WebUiRequest

#: Fields of an answer that hold pictures: one, or a list of them.
PICTURE_FIELDS: Final = ("images", "image")
#: Fields of the echoed request that hold nothing but pictures (`include_init_images`).
_ECHOED_PICTURE_FIELDS: Final = ("init_images", "mask", "latent_mask", "firstpass_image")
#: Beginnings of files that are no outputs, but inputs of scripts.
_INPUT_SIGNATURES: Final = (b"BM", b"II*\x00", b"MM\x00*")
#: Characters of base64 without which no file is a picture; the smallest PNG has 90.
_MIN_PICTURE_LENGTH: Final = 40
#: Characters of base64 that are decoded to tell what a file is: 24 bytes of it.
_HEAD_LENGTH: Final = 32
#: Possessive: a text of megabytes must not be gone through again and again where it ends otherwise.
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=\s]*+", re.ASCII)


@dataclass(frozen=True)
class Picture:
    """One file as the Web UI made it, byte for byte."""

    data: bytes
    extension: str
    content_type: str


@dataclass(frozen=True)
class Outputs:
    """What is stored of a task."""

    pictures: tuple[Picture, ...]
    #: The answer without image data, JSON.
    response: bytes


def read_outputs(request: WebUiRequest, answer: Any) -> Outputs:
    """Split an answer into pictures and the rest.

    Raises:
        NoPictures: if the request asked for none.
        WebUiFailed: if pictures are missing or are none.
    """
    encoded = _encoded_pictures(answer) if request.needs_pictures else []
    if request.needs_pictures and not encoded:
        if request.sends_no_pictures:
            raise NoPictures("send_images is false, so the Web UI sent no pictures; leave it out")
        raise WebUiFailed("the Web UI answered without pictures")
    pictures = tuple(_decode(text, number) for number, text in enumerate(encoded, 1))
    rest = _without_pictures(answer) if request.needs_pictures else answer
    return Outputs(pictures, compact_json(rest).encode())


def _encoded_pictures(answer: Any) -> list[object]:
    if not isinstance(answer, dict):
        raise WebUiFailed("the Web UI's answer is not an object")
    images, image = (answer.get(field) for field in PICTURE_FIELDS)
    found = images if isinstance(images, list) else []
    return [*found, image] if image else found


def _decode(text: object, number: int) -> Picture:
    if not isinstance(text, str):
        raise WebUiFailed(f"picture {number} of the Web UI's answer is not text")
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise WebUiFailed(f"picture {number} of the Web UI's answer is not base64: {error}") from error
    kind = detect_format(data)
    if kind is None:
        raise WebUiFailed(f"picture {number} of the Web UI's answer is not a picture")
    if not is_whole(data, kind[0]):
        raise WebUiFailed(f"picture {number} of the Web UI's answer is cut off: {len(data)} bytes of {kind[1]}")
    return Picture(data, *kind)


def _without_pictures(answer: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in answer.items() if key not in PICTURE_FIELDS}
    parameters = rest.get("parameters")
    if isinstance(parameters, dict):
        known = {name: None for name in _ECHOED_PICTURE_FIELDS if parameters.get(name)}
        # Scripts are given pictures, too, wherever they like (`alwayson_scripts`).
        rest["parameters"] = _blanked(parameters | known)
    return rest


def _blanked(value: Any) -> Any:
    """Return a JSON value with None for every picture in it."""
    match value:
        case dict():
            return {key: _blanked(item) for key, item in value.items()}
        case list():
            return [_blanked(item) for item in value]
        case str() if _is_picture(value):
            return None
    return value


def _is_picture(text: str) -> bool:
    encoded = text.partition(",")[2] if text.startswith("data:image/") else text
    if len(encoded) < _MIN_PICTURE_LENGTH or not _BASE64.fullmatch(encoded):
        return False
    try:
        head = base64.b64decode("".join(encoded[: 2 * _HEAD_LENGTH].split())[:_HEAD_LENGTH])
    except binascii.Error:
        return False
    return detect_format(head) is not None or head.startswith(_INPUT_SIGNATURES)
