"""Size of the demo's images: as the documents print them, or smaller on a machine that would need too long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

#: Seconds that all documented requests together may need as they are printed.
PATIENCE_SECONDS: Final = 180.0


@dataclass(frozen=True)
class ImageSize:
    """Pixels of each side, and sampling steps."""

    side: int
    steps: int

    def __str__(self) -> str:
        return f"{self.side} x {self.side} pixels, {self.steps} steps"

    @property
    def work(self) -> int:
        """Pixels that the sampler computes."""
        return self.side * self.side * self.steps

    def applied(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return a documented request with this size."""
        change = {"width": self.side, "height": self.side, "steps": self.steps}
        if "task" in request:
            task, content = request["task"], request["task"]["content"]
            if task["metadata"].get("tasktype") == "pipeline":
                return {"task": {**task, "content": {id_: _changed(node, change) for id_, node in content.items()}}}
            return {"task": {**task, "content": {**content, **change}}}
        return {**request, **change}


def _changed(node: Mapping[str, Any], change: Mapping[str, int]) -> dict[str, Any]:
    """Return a node of a workflow with those of the changes that are inputs of it."""
    inputs = node["inputs"]
    return {**node, "inputs": {**inputs, **{name: value for name, value in change.items() if name in inputs}}}


#: Size of the first images, which show soon that everything works and how fast the machine is.
FIRST: Final = ImageSize(256, 8)
PRINTED: Final = ImageSize(512, 16)
#: The largest comes first.
SIZES: Final[Sequence[ImageSize]] = (PRINTED, ImageSize(256, 8), ImageSize(128, 6), ImageSize(64, 4))


def size_for(first_seconds: float, *, images: int) -> ImageSize:
    """Return the largest size that fits, when an image of the size FIRST took `first_seconds`, else the smallest."""
    for size in SIZES:
        if first_seconds * size.work / FIRST.work * images <= PATIENCE_SECONDS:
            return size
    return SIZES[-1]
