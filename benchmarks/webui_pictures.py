"""Pictures of a running SD Web UI, requested over its HTTP API."""

import base64
import io
import json
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image

from benchmarks.bare_loop import send_request


class PictureSource(Protocol):
    """Draws pictures of one size."""

    @property
    def width(self) -> int:
        """Pixels."""

    @property
    def height(self) -> int:
        """Pixels."""

    def encoded(self, prompt: str, **fields: Any) -> list[str]:
        """Return the pictures of a prompt, base64."""

    def draw(self, prompt: str, **fields: Any) -> Image.Image:
        """Return the first picture of a prompt."""


@dataclass(frozen=True)
class WebUiPictures:
    """Requests pictures of one size from the Web UI at `address` (host:port)."""

    address: str
    width: int
    height: int
    steps: int

    def encoded(self, prompt: str, **fields: Any) -> list[str]:
        """Return the pictures of a prompt as the Web UI sends them: base64 of PNG files."""
        size = {"width": self.width, "height": self.height, "steps": self.steps}
        content = {"prompt": prompt, "seed": 1, **size, **fields}
        kind = "img2img" if "init_images" in fields else "txt2img"
        answer = json.loads(send_request(self.address, f"/sdapi/v1/{kind}", content))
        return list(answer["images"])

    def draw(self, prompt: str, **fields: Any) -> Image.Image:
        """Return the first picture of a prompt."""
        with Image.open(io.BytesIO(base64.b64decode(self.encoded(prompt, **fields)[0]))) as picture:
            return picture.convert("RGB")


def as_base64(picture: Image.Image) -> str:
    """Return a picture as requests carry it."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
