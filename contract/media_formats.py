"""Formats of audio, video and 3D files, in addition to those of pictures, detected from their first bytes."""

from typing import Final

from contract.picture_formats import FileFormat, detect_format

_MP3: Final = FileFormat("MP3", "mp3", "audio/mpeg")
#: Place and value of the bytes that mark a format.
_SIGNATURES: Final = (
    (0, b"fLaC", FileFormat("FLAC", "flac", "audio/flac")),
    (0, b"ID3", _MP3),
    (0, b"\xff\xfb", _MP3),
    (0, b"\xff\xf3", _MP3),
    (0, b"\xff\xf2", _MP3),
    (28, b"OpusHead", FileFormat("Opus", "opus", "audio/ogg")),
    (0, b"OggS", FileFormat("Ogg", "ogg", "audio/ogg")),
    (8, b"WAVE", FileFormat("WAV", "wav", "audio/wav")),
    (8, b"AVI ", FileFormat("an AVI video", "avi", "video/x-msvideo")),
    (4, b"ftypqt  ", FileFormat("a QuickTime video", "mov", "video/quicktime")),
    (4, b"ftypM4A ", FileFormat("M4A", "m4a", "audio/mp4")),
    (0, b"glTF", FileFormat("GLB", "glb", "model/gltf-binary")),
)


def detect_medium(head: bytes) -> FileFormat | None:
    """Return the format of a file by its first bytes, None if it is unknown."""
    for place, signature, known in _SIGNATURES:
        if head.startswith(signature, place):
            return known
    return detect_format(head)
