"""Stub ComfyUI of a benchmark: its command line, the agent's settings for it, and workflows of a chosen time."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_CHECKPOINT: Final = "stub.safetensors"
#: Pixels of a picture's sides.
_SIDE: Final = 128


@dataclass(frozen=True)
class ComfyUiStub:
    """A ComfyUI whose folders are below `folder`. A workflow has one sampling step, and a video of `video_bytes`."""

    folder: Path
    journal: Path
    seconds: float
    video_bytes: int

    def arguments(self) -> list[str]:
        """Return the arguments that start it."""
        checkpoint = self.folder / "models" / "checkpoints" / _CHECKPOINT
        checkpoint.parent.mkdir(parents=True)
        checkpoint.touch()
        return [
            *("-m", "embedded_comfyui", "--port", "0", "--journal", str(self.journal)),
            *("--models", str(self.folder / "models"), "--base-directory", str(self.folder)),
            *("--stub-seconds", str(self.seconds), "--stub-file-bytes", str(self.video_bytes)),
        ]

    def variables(self, url: str) -> dict[str, str]:
        """Return the agent's settings for it."""
        folders = {f"COMFYUI_{name.upper()}_FOLDER": str(self.folder / name) for name in ("input", "output", "temp")}
        return {"RUNTIME_TYPE": "comfyui", "COMFYUI_URL": url, **folders}

    def workflow(self, task_id: str) -> dict[str, Any]:
        """Return the workflow of a task; every result of its sampler and of the nodes behind it is new."""
        sampler = {
            "seed": 1,
            "steps": 1,
            "cfg": 1.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
            "model": ["1", 0],
            "positive": ["2", 0],
            "negative": ["2", 0],
            "latent_image": ["3", 0],
        }
        graph: dict[str, Any] = {
            "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": _CHECKPOINT}},
            "2": {"class_type": "CLIPTextEncode", "inputs": {"text": task_id, "clip": ["1", 1]}},
            "3": {"class_type": "EmptyLatentImage", "inputs": {"width": _SIDE, "height": _SIDE, "batch_size": 1}},
            "4": {"class_type": "KSampler", "inputs": sampler},
            "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
            "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "picture"}},
        }
        if self.video_bytes:
            video = {"video": ["7", 0], "filename_prefix": "video", "format": "auto", "codec": "auto"}
            graph["7"] = {"class_type": "CreateVideo", "inputs": {"images": ["5", 0], "fps": 8.0}}
            graph["8"] = {"class_type": "SaveVideo", "inputs": video}
        return graph
