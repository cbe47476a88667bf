"""Calls of programs that know OpenAI's images API, as each program sends them.

The fields are those of Open WebUI's `routers/images.py`, of LibreChat's `OpenAIImageTools.js` and `DALLE3.js`, and of
the examples in OpenAI's API reference. Those of AI SDK 7 are what its providers `@ai-sdk/openai-compatible` 3 and
`@ai-sdk/openai` 4 sent. Tests send each call as it is.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import httpx
from PIL import Image


def drawn_png(colour: str = "green") -> bytes:
    """Return a picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGBA", (64, 64), colour).save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class RecordedCall:
    """One call, with the field of `data` that its program reads."""

    program: str
    call: Literal["generations", "edits", "variations"]
    reads: Literal["url", "b64_json"]
    #: Fields of JSON, or of the form if there are files.
    fields: Mapping[str, Any]
    size: tuple[int, int] = (512, 512)
    #: Names of the form's files.
    files: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""

    def request(self, base_url: str, api_key: str) -> httpx.Request:
        """Return the request that the program sends."""
        files = [(name, ("a.png", drawn_png("#00000000"), "image/png")) for name in self.files]
        return httpx.Request(
            "POST",
            f"{base_url}/images/{self.call}{self.query}",
            headers={"Authorization": f"Bearer {api_key}", **self.headers},
            data=dict(self.fields) if files else None,
            files=files or None,
            json=None if files else dict(self.fields),
        )


_USER: Final = {"X-OpenWebUI-User-Name": "Ada", "X-OpenWebUI-User-Id": "u-1", "X-OpenWebUI-User-Role": "user"}
_LIBRECHAT: Final = {"model": "gpt-image-1", "prompt": "A red circle", "n": 1, "background": "auto", "quality": "auto"}
RECORDED_CALLS: Final = (
    RecordedCall(
        "Open WebUI",
        "generations",
        "b64_json",
        {"model": "sdruntime", "prompt": "A dog", "n": 1, "size": "512x512", "response_format": "b64_json"},
        headers=_USER,
    ),
    RecordedCall(
        "Open WebUI with OpenAI's newer model",
        "generations",
        "b64_json",
        {"model": "gpt-image-1", "prompt": "A dog", "n": 1, "size": "auto"},
        query="?api-version=2025-04-01-preview",
    ),
    RecordedCall(
        "Open WebUI with own parameters",
        "generations",
        "b64_json",
        {
            "model": "sdruntime",
            "prompt": "A dog",
            "n": 1,
            "size": "64x64",
            "response_format": "b64_json",
            "steps": 4,
            "negative_prompt": "cat",
        },
        size=(64, 64),
    ),
    RecordedCall(
        "Open WebUI's edit",
        "edits",
        "b64_json",
        {"model": "sdruntime", "prompt": "A hat", "n": "1", "size": "64x64", "response_format": "b64_json"},
        size=(64, 64),
        files=("image",),
    ),
    RecordedCall(
        "Open WebUI's edit of a list",
        "edits",
        "b64_json",
        {"model": "gpt-image-1", "prompt": "A hat"},
        files=("image[]",),
    ),
    RecordedCall("LibreChat", "generations", "b64_json", _LIBRECHAT | {"output_format": "png", "size": "auto"}),
    RecordedCall(
        "LibreChat with WebP",
        "generations",
        "b64_json",
        _LIBRECHAT | {"output_format": "webp", "output_compression": 80, "size": "1024x1536"},
        size=(1024, 1536),
    ),
    RecordedCall(
        "LibreChat's edit",
        "edits",
        "b64_json",
        {"model": "gpt-image-1", "prompt": "A hat", "quality": "auto", "size": "auto"},
        files=("image[]",),
    ),
    RecordedCall(
        "LibreChat with DALL-E 3",
        "generations",
        "url",
        {
            "model": "dall-e-3",
            "quality": "standard",
            "style": "vivid",
            "size": "1792x1024",
            "prompt": "A dog",
            "n": 1,
        },
        size=(1792, 1024),
    ),
    RecordedCall(
        "AI SDK, compatible",
        "edits",
        "b64_json",
        {"model": "sdruntime", "prompt": "A hat", "n": "1", "size": "512x512", "response_format": "b64_json"},
        files=("image", "mask"),
    ),
    RecordedCall(
        "AI SDK, OpenAI",
        "edits",
        "b64_json",
        {"model": "gpt-image-1", "prompt": "A hat", "n": "1", "size": "512x512"},
        files=("image", "mask"),
    ),
    RecordedCall(
        "the reference's generation",
        "generations",
        "b64_json",
        {"model": "gpt-image-1", "prompt": "A small otter", "n": 1, "size": "1024x1024"},
        size=(1024, 1024),
    ),
    RecordedCall(
        "the reference's edit with a mask",
        "edits",
        "url",
        {"model": "dall-e-2", "prompt": "A pool with a flamingo", "n": "2", "size": "256x256"},
        size=(256, 256),
        files=("image", "mask"),
    ),
    RecordedCall(
        "the reference's variation",
        "variations",
        "url",
        {"n": "2", "size": "256x256"},
        size=(256, 256),
        files=("image",),
    ),
)
