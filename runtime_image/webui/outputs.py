"""Outputs in an SD Web UI answer: pictures, recognized by their content, and the rest of the answer."""

import base64
import binascii
from typing import Any, Final

from contract.encoded_picture import is_encoded_picture
from contract.json_values import compact_json
from contract.picture_formats import detect_format
from runtime_image.process.engine import MadeFile, NoPictures, Outputs
from runtime_image.process.image_formats import is_whole
from runtime_image.webui.errors import WebUiFailed
from runtime_image.webui.request import WebUiRequest

#: Fields of an answer that hold pictures: one, or a list of them.
PICTURE_FIELDS: Final = ("images", "image")
#: Fields of the echoed request that hold only pictures (`include_init_images`).
_ECHOED_PICTURE_FIELDS: Final = ("init_images", "mask", "latent_mask", "firstpass_image")


def read_outputs(request: WebUiRequest, answer: Any) -> Outputs:
    """Split an answer into pictures and the rest.

    Raises:
        NoPictures: if the request itself asked for an answer without pictures.
        WebUiFailed: if pictures are missing or broken.
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


def _decode(text: object, number: int) -> MadeFile:
    if not isinstance(text, str):
        raise WebUiFailed(f"picture {number} of the Web UI's answer is not text")
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise WebUiFailed(f"picture {number} of the Web UI's answer is not base64: {error}") from error
    kind = detect_format(data)
    if kind is None or not kind.extension:
        raise WebUiFailed(f"picture {number} of the Web UI's answer is not a picture")
    if not is_whole(data, kind.extension):
        raise WebUiFailed(f"picture {number} of the Web UI's answer is cut off: {len(data)} bytes of {kind.name}")
    return MadeFile(data, kind.extension, kind.content_type)


def _without_pictures(answer: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in answer.items() if key not in PICTURE_FIELDS}
    parameters = rest.get("parameters")
    if isinstance(parameters, dict):
        known = {name: None for name in _ECHOED_PICTURE_FIELDS if parameters.get(name)}
        # Scripts receive pictures in any field, too (`alwayson_scripts`).
        rest["parameters"] = _blanked(parameters | known)
    return rest


def _blanked(value: Any) -> Any:
    """Return a JSON value with None for every picture in it."""
    match value:
        case dict():
            return {key: _blanked(item) for key, item in value.items()}
        case list():
            return [_blanked(item) for item in value]
        case str() if is_encoded_picture(value):
            return None
    return value
