"""Check of input files that are no pictures: their content must be of the kind that the engine's field takes."""

from typing import Final

from contract.media_formats import detect_medium
from contract.picture_formats import HEAD_BYTES, UnusablePicture
from runtime_image.process.engine import InputFile, InputKind

#: First parts of the content types that a kind takes. The sound of a video is audio as well.
_ACCEPTED: Final = {InputKind.AUDIO: ("audio/", "video/"), InputKind.VIDEO: ("video/", "image/gif", "image/webp")}


def read_medium(data: bytes, kind: InputKind) -> InputFile:
    """Return a file as it is; raises UnusablePicture if it is empty or of another kind."""
    if not data:
        raise UnusablePicture("it is empty")
    found = detect_medium(data[:HEAD_BYTES])
    accepted = _ACCEPTED.get(kind)
    if accepted and not (found and found.content_type.startswith(accepted)):
        raise UnusablePicture(f"it is {found.name if found else 'of an unknown format'}; send {kind.value} here")
    return InputFile(data)
