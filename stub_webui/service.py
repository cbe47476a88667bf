"""Lists and options of the stub, with the habits of the Web UI 1.10.1 that were recorded from a real one."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from embedded_webui.generation.samplers import resolve_sampler
from embedded_webui.lists import LISTS
from embedded_webui.options import ValidationError, WebUiOptions

#: Status and body; a body of bytes is sent as it is.
Reply = tuple[int, Any]
#: Lists of v1.10.1, with the script of the ControlNet extension, a VAE, a LoRA and a style.
DEFAULT_LISTS: Final[dict[str, Any]] = LISTS | {
    "scripts": {tab: [*names, "ControlNet"] for tab, names in LISTS["scripts"].items()},
    "sd-vae": [{"model_name": "sdxl_vae.safetensors", "filename": "/models/VAE/sdxl_vae.safetensors"}],
    "loras": [{"name": "inky-v2", "alias": "inky", "path": "/models/Lora/inky-v2.safetensors", "metadata": {}}],
    "prompt-styles": [{"name": "noir", "prompt": "{prompt}, film noir", "negative_prompt": ""}],
    "memory": {"ram": {"free": 1, "used": 1, "total": 2}, "cuda": {"error": "unavailable"}},
}


def failure(name: str, errors: str = "", *, detail: str = "") -> Reply:
    """Return the Web UI's answer for an exception in a call."""
    return 500, {"error": name, "detail": detail, "body": "", "errors": errors}


class StubService:
    """Lists and options; `restart` gives what a new process of the Web UI knows."""

    def __init__(self, *, checkpoints: list[str], settings_file: Path | None = None) -> None:
        self.checkpoints = checkpoints
        self.loaded = checkpoints[0] if checkpoints else ""
        #: Change it at any time; a removed key is a call that this build does not have.
        self.lists = dict(DEFAULT_LISTS)
        #: Functions that a refresh runs, by the refresh call.
        self.found_by_refresh: dict[str, Callable[[], None]] = {}
        #: Replaces every requested sampler, if it is set.
        self.sampler: str | None = None
        self.options_set: list[dict[str, Any]] = []
        self._settings_file = settings_file
        self.options = WebUiOptions(file=settings_file)

    def restart(self) -> None:
        """Forget the options that were not saved."""
        self.options = WebUiOptions(file=self._settings_file)

    def title_of(self, name: str) -> str:
        """Return a checkpoint's title: its file name and a short hash."""
        return f"{name} [{_short_hash(name)}]"

    def list(self, name: str) -> Reply | None:
        """Answer a list, None if this build does not have it."""
        if name == "sd-models":
            return 200, [self._checkpoint(checkpoint) for checkpoint in self.checkpoints]
        return (200, self.lists[name]) if name in self.lists else None

    def refresh(self, name: str) -> Reply:
        """Search the model folders again."""
        if name == "refresh-embeddings" and not self.loaded:
            return failure("AttributeError", "'NoneType' object has no attribute 'cond_stage_model'")
        self.found_by_refresh.get(name, lambda: None)()
        return 200, None

    def show(self) -> Reply:
        """Show all options."""
        try:
            return 200, self.options.answer() | {"sd_model_checkpoint": self.title_of(self.loaded)}
        except ValidationError as error:
            return failure("ValidationError", str(error))

    def set(self, values: dict[str, Any]) -> Reply:
        """Set options without a check of their types, as the Web UI does."""
        self.options_set.append(values)
        for name, value in values.items():
            try:
                self.options.set(name, value)
            except KeyError as error:
                return failure("KeyError", str(error))
        self.options.save()
        return 200, None

    def sampler_of(self, name: str) -> str:
        """Return the sampler that runs for a name. An unknown name silently becomes the first sampler."""
        return self.sampler or resolve_sampler(name, None).name

    def _checkpoint(self, name: str) -> dict[str, Any]:
        return {
            "title": self.title_of(name),
            "model_name": name.rpartition(".")[0],
            "hash": _short_hash(name),
            "sha256": None,
            "filename": f"/models/Stable-diffusion/{name}",
            "config": None,
        }


def _short_hash(name: str) -> str:
    return f"{zlib.crc32(name.encode()):08x}"
