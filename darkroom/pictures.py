"""Pictures that a client has fetched: as bytes, as PIL's image, and as files."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from darkroom.task_snapshot import OutputFile

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class FetchedPicture:
    """A picture of a task, with its content."""

    output: OutputFile
    data: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Name of the file, without its folder."""
        return self.output.name

    def image(self) -> "Image":
        """Return the picture as PIL's image; needs Pillow, for example by `pip install darkroom[pil]`."""
        from PIL import Image

        return Image.open(io.BytesIO(self.data))

    def save(self, folder: Path | str) -> Path:
        """Save the picture in a folder under its own name, and return its path."""
        return save_output(self.output, self.data, Path(folder))


def save_output(output: OutputFile, data: bytes, folder: Path) -> Path:
    """Save an output in a folder, and return its path. The file appears only when it is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / output.name
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path
