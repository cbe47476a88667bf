"""The script "sd upscale": enlarges an image and reworks it in overlapping tiles."""

from collections.abc import Sequence
from typing import Any, Final

from PIL import Image, ImageChops

from embedded_webui.generation.image_to_image import ImageToImage
from embedded_webui.images import upscalers

#: Arguments of the script that a request leaves out: its explanation, overlap in pixels, upscaler, factor.
_DEFAULT_ARGUMENTS: Final = ("", 64, "None", 2.0)


class SdUpscale:
    """Makes one large image in each iteration. The request's size is the size of a tile, and tiles form the batches."""

    def __init__(self, *, tiles: ImageToImage, image: Image.Image) -> None:
        request, run = tiles.request, tiles.run
        given = list(request.script_args or [])
        arguments: list[Any] = [*given, *_DEFAULT_ARGUMENTS[len(given) :]]
        self._overlap = int(arguments[1])
        upscaler = upscalers.exact_name(str(arguments[2]))
        self._image = upscalers.enlarge(image.convert("RGB"), upscaler=upscaler, factor=float(arguments[3]))
        width, height = self._image.size
        self._tile = (min(request.width, width), min(request.height, height))
        self._tiles = tiles
        corners = [
            (left, top)
            for top in _starts(height, self._tile[1], self._overlap)
            for left in _starts(width, self._tile[0], self._overlap)
        ]
        size = request.batch_size
        self._batches = [corners[start : start + size] for start in range(0, len(corners), size)]
        self.jobs = len(self._batches) * request.n_iter
        run.extra |= {"SD upscale overlap": self._overlap, "SD upscale upscaler": upscaler}

    def make(self, iteration: int) -> list[Image.Image]:
        """Make the large image of one iteration. The seed grows by one from batch to batch of tiles."""
        width, height = self._tile
        result = self._image.copy()
        for number, corners in enumerate(self._batches):
            seeds = self._tiles.run.seeds.from_first(iteration + number, count=len(corners))
            parts = [self._image.crop((left, top, left + width, top + height)) for left, top in corners]
            for (left, top), made in zip(corners, self._tiles.rework(parts, seeds), strict=True):
                tile = made.resize((width, height), Image.Resampling.LANCZOS)
                result.paste(tile, (left, top), self._fade(left, top))
            self._tiles.run.last_tiles = seeds
        return [result]

    def _fade(self, left: int, top: int) -> Image.Image:
        """Return the opacity of a tile, which falls towards the neighbours that are already under it."""
        width, height = self._tile
        across, down = Image.new("L", (width, height), 255), Image.new("L", (width, height), 255)
        for step in range(self._overlap):
            shade = 255 * (step + 1) // (self._overlap + 1)
            if left:
                across.paste(shade, (step, 0, step + 1, height))
            if top:
                down.paste(shade, (0, step, width, step + 1))
        return ImageChops.multiply(across, down)


def _starts(length: int, tile: int, overlap: int) -> Sequence[int]:
    """Return the starts of tiles that cover `length` evenly, each over its neighbour by `overlap` at least."""
    if length <= tile:
        return [0]
    count = -(-(length - overlap) // max(1, tile - overlap))
    return [round(number * (length - tile) / (count - 1)) for number in range(count)]
