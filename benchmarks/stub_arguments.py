"""Command lines of the stub engines, the same for all benchmarks."""

from pathlib import Path
from typing import Final

#: Seconds after the lock in which a real Web UI encodes a PNG of 512x512 pixels.
ENCODING_SECONDS: Final = 0.06


def stub_arguments(journal: Path, *, seconds_per_picture: float, **options: object) -> list[str]:
    """Return the arguments that start a stub; images are small unless the options say otherwise."""
    values: dict[str, object] = {
        "journal": journal,
        "seconds_per_picture": seconds_per_picture,
        "encoding_seconds": ENCODING_SECONDS,
        "picture_side": 128,
        "picture_kb": 20,
        **options,
    }
    words = [word for name, value in values.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return ["-m", "stub_webui", *words]


def comfyui_arguments(base: Path, journal: Path, *, seconds_per_step: float) -> list[str]:
    """Return the arguments that start the stub of a ComfyUI, which has its models and its files below `base`."""
    folders = ["--models", str(base / "models"), "--base-directory", str(base), "--journal", str(journal)]
    return ["-m", "embedded_comfyui", *folders, "--stub-seconds", str(seconds_per_step), "--port", "0"]
