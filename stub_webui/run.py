"""One generation of the stub Web UI, and the images that it draws."""

import base64
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from stub_webui.png_images import plain_png

#: Start of a JPEG up to its data, and its end.
JPEG_MARKERS: Final = b"\xff\xd8\xff\xda", b"\xff\xd9"
#: Begin and end of an image's bytes by the option `samples_format`.
_MARKERS: Final = {
    "png": (b"", b""),
    "jpg": JPEG_MARKERS,
    "jpeg": JPEG_MARKERS,
    "webp": (b"RIFF\x10\0\0\0WEBP", b""),
}
DEFAULT_STEPS: Final = 20


@dataclass
class StubRun:
    """One generation from the Web UI's side."""

    prompt: str
    body: dict[str, Any]
    checkpoint: str
    started_at: float
    ended_at: float = 0.0
    interrupted: bool = False
    clip_skip: int = 0
    sampler: str = ""

    @property
    def images(self) -> int:
        """The number of images."""
        return int(self.body.get("batch_size", 1)) * int(self.body.get("n_iter", 1))

    @property
    def steps(self) -> int:
        """The number of sampling steps of one image."""
        return int(self.body.get("steps", DEFAULT_STEPS))

    def seed(self, number: int = 0) -> int:
        """Return the seed of one of the images. It is never random."""
        return max(int(self.body.get("seed", 1)), 1) + number

    def size(self) -> tuple[int, int]:
        """Return width and height in pixels."""
        return int(self.body.get("width") or 512), int(self.body.get("height") or 512)

    def infotext(self, number: int) -> str:
        """Return the text that one of the images carries about its generation."""
        width, height = self.size()
        return (
            f"{self.prompt}\nSteps: {self.steps}, Sampler: {self.sampler}, Seed: {self.seed(number)},"
            f" Size: {width}x{height}, Model: {self.checkpoint.rpartition('.')[0]}"
        )


def draw_small(run: StubRun, _number: int) -> bytes:
    """Return a small image of one colour that carries the run's prompt alone."""
    return plain_png(run.prompt)


def draw_requested_size(run: StubRun, number: int) -> bytes:
    """Return an image of the requested size. Its colour depends on prompt, seed and checkpoint."""
    width, height = run.size()
    colour = zlib.crc32(f"{run.prompt} {run.seed(number)} {run.checkpoint}".encode()).to_bytes(4)[:3]
    return plain_png(run.infotext(number), width=width, height=height, colour=colour)


def encoded_answer(run: StubRun, *, draw: Callable[[StubRun, int], bytes], samples_format: str) -> bytes:
    """Return the JSON of a generation's answer, with its images in the format of the option `samples_format`."""
    body, numbers = run.body, range(run.images)
    width, height = run.size()
    info = {
        "prompt": run.prompt,
        "seed": run.seed(),
        "all_seeds": [run.seed(number) for number in numbers],
        "width": width,
        "height": height,
        "steps": run.steps,
        "sd_model_name": run.checkpoint.rpartition(".")[0],
        "sampler_name": run.sampler,
        "clip_skip": run.clip_skip,
        "infotexts": [run.infotext(number) for number in numbers],
        # An addition to the real answer, so that tests can find the answer of an interrupted run.
        "was_cut": run.interrupted,
    }
    start, end = _MARKERS[samples_format]
    images: list[bytes] = []
    if body.get("send_images") is not False:
        images = [b'"' + base64.b64encode(start + draw(run, number) + end) + b'"' for number in numbers]
    parameters = body if body.get("include_init_images") else body | {"init_images": None}
    rest = json.dumps({"parameters": parameters, "info": json.dumps(info)}).encode()
    # Images of megabytes need no escapes, so they are not part of what `json.dumps` reads.
    return b'{"images":[' + b",".join(images) + b"]," + rest[1:]
