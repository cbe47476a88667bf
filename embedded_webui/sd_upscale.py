"""The script "sd upscale": enlarges a picture and works it over in tiles that overlap."""

from collections.abc import Sequence
from typing import Any, Final

from PIL import Image, ImageChops

from embedded_webui import upscalers
from embedded_webui.picture_passes import ImageToImagePasses
from embedded_webui.requests import ImageToImageRequest
from embedded_webui.run import Run
from embedded_webui.seeds import Seeds

#: What the script takes for arguments that are left out: its explanation, overlap in pixels, upscaler, factor.
_DEFAULT_ARGUMENTS: Final = ("", 64, "None", 2.0)


class SdUpscalePasses:
    """Makes one large picture per seed. The request's size is that of a tile."""

    def __init__(
        self, request: ImageToImageRequest, *, run: Run, pictures: list[Image.Image], tiles: ImageToImagePasses
    ) -> None:
        given = list(request.script_args or [])
        arguments: list[Any] = [*given, *_DEFAULT_ARGUMENTS[len(given) :]]
        self._overlap = int(arguments[1])
        upscaler = upscalers.exact_name(str(arguments[2]))
        if upscaler is None:
            raise ValueError(f"{str(arguments[2]).lower()!r} is not in list")
        factor = float(arguments[3])
        picture = upscalers.enlarge(pictures[0].convert("RGB"), upscaler=upscaler, factor=factor)
        self._tile = tuple(min(side, limit) for side, limit in zip(run.size, picture.size, strict=True))
        self._picture = picture
        self._tiles = tiles
        self._places = [
            (left, top)
            for top in _starts(picture.height, self._tile[1], self._overlap)
            for left in _starts(picture.width, self._tile[0], self._overlap)
        ]
        self.jobs = len(self._places) * int(request.n_iter or 0)
        run.extra |= {"SD upscale overlap": self._overlap, "SD upscale upscaler": upscaler}

    def make(self, batch: Seeds) -> list[Image.Image]:
        """Make the large pictures of one batch."""
        return [
            self._one(Seeds(seeds=[seed], subseeds=[subseed], strength=batch.strength))
            for seed, subseed in zip(batch.seeds, batch.subseeds, strict=True)
        ]

    def _one(self, seed: Seeds) -> Image.Image:
        width, height = self._tile
        result = self._picture.copy()
        for left, top in self._places:
            part = self._picture.crop((left, top, left + width, top + height))
            made = self._tiles.rework([part], seed)[0].resize((width, height), Image.Resampling.LANCZOS)
            result.paste(made, (left, top), self._fade(left, top))
        return result

    def _fade(self, left: int, top: int) -> Image.Image:
        """Return what shows of a tile: less and less towards the neighbours that lie under it already."""
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
    """Return where tiles begin that cover `length`, evenly spread, each over its neighbour by `overlap` at least."""
    if length <= tile:
        return [0]
    count = -(-(length - overlap) // max(1, tile - overlap))
    return [round(number * (length - tile) / (count - 1)) for number in range(count)]
