"""Pinned images and charts that run besides the project's own code, as the file `versions.env` lists them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from aws_cdk import Annotations
from constructs import IConstruct


def _read(file: Path) -> Mapping[str, str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


#: Value of each pin by its name.
PINS: Final = _read(Path(__file__).with_name("versions.env"))


def tag_and_digest(image: str) -> str:
    """Return what follows the name of an image, for charts that have separate values for name and tag."""
    return image.rpartition("/")[2].partition(":")[2]


def warn_of_tags(scope: IConstruct, pins: Mapping[str, str] = PINS) -> None:
    """Add a warning of synthesis for each image without a digest, because its owner can move the tag."""
    for name, image in pins.items():
        if name.endswith("_IMAGE") and "@sha256:" not in image:
            Annotations.of(scope).add_warning_v2(
                f"darkroom:{name}", f"{name} in stacks/versions.env has no digest; run `make pins` to record it"
            )
