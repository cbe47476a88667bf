"""What the stand-in Web UI has and how it is set: lists in the recorded shapes, and options with the recorded leak."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embedded_webui.options import Options, ValidationError

Reply = tuple[int, Any]
#: Options of v1.10.1 with their defaults.
DEFAULTS: dict[str, Any] = {
    "samples_format": "png",
    "jpeg_quality": 80,
    "CLIP_stop_at_last_layers": 1,
    "eta_noise_seed_delta": 0,
    "initial_noise_multiplier": 1.0,
    "send_seed": True,
    "sd_vae": "Automatic",
    "upscaler_for_img2img": None,
    "quicksettings_list": ["sd_model_checkpoint"],
    "sd_model_checkpoint": None,
}
LISTS: dict[str, Any] = {
    "samplers": [
        {"name": "DPM++ 2M", "aliases": ["k_dpmpp_2m"], "options": {"scheduler": "karras"}},
        {"name": "Euler a", "aliases": ["k_euler_a", "k_euler_ancestral"], "options": {}},
        {"name": "Euler", "aliases": ["k_euler"], "options": {}},
    ],
    "schedulers": [
        {"name": "automatic", "label": "Automatic", "aliases": None},
        {"name": "karras", "label": "Karras", "aliases": None},
        {"name": "sgm_uniform", "label": "SGM Uniform", "aliases": ["SGMUniform"]},
    ],
    "upscalers": [{"name": name, "model_name": None, "scale": 4.0} for name in ("None", "Lanczos", "R-ESRGAN 4x+")],
    "latent-upscale-modes": [{"name": "Latent"}, {"name": "Latent (nearest)"}],
    "sd-vae": [{"model_name": "sdxl_vae.safetensors", "filename": "/models/VAE/sdxl_vae.safetensors"}],
    "loras": [{"name": "inky-v2", "alias": "inky", "path": "/models/Lora/inky-v2.safetensors", "metadata": {}}],
    "prompt-styles": [{"name": "noir", "prompt": "{prompt}, film noir", "negative_prompt": ""}],
    "scripts": {
        "txt2img": ["x/y/z plot", "ControlNet", "Hypertile", "refiner"],
        "img2img": ["sd upscale", "ControlNet", "Hypertile", "refiner"],
    },
}


class StandInService:
    """Lists and options; `restart` is what a new process of the Web UI knows."""

    def __init__(self, *, checkpoints: list[str], settings_file: Path | None = None) -> None:
        self.checkpoints = checkpoints
        self.loaded = checkpoints[0]
        #: Change it at any time; a key that is taken out is a call that this build does not have.
        self.lists = dict(LISTS)
        #: What a refresh finds, by its call.
        self.found_by_refresh: dict[str, Callable[[], None]] = {}
        #: Runs whatever is asked for, if it is set.
        self.sampler: str | None = None
        self.options_set: list[dict[str, Any]] = []
        self._settings_file = settings_file
        self.options = Options(DEFAULTS, settings_file)

    def restart(self) -> None:
        """Forget what was not saved."""
        self.options = Options(DEFAULTS, self._settings_file)

    def title_of(self, name: str) -> str:
        return f"{name} [{zlib.crc32(name.encode()):08x}]"

    def list(self, name: str) -> Reply | None:
        """Answer a list, None if there is no such list."""
        if name == "sd-models":
            return 200, [self._checkpoint(checkpoint) for checkpoint in self.checkpoints]
        return (200, self.lists[name]) if name in self.lists else None

    def refresh(self, name: str) -> Reply:
        """Look at the folders again."""
        self.found_by_refresh.get(name, lambda: None)()
        return 200, None

    def show(self) -> Reply:
        """Show all options."""
        try:
            return 200, self.options.answer() | {"sd_model_checkpoint": self.title_of(self.loaded)}
        except ValidationError as error:
            return 500, {"error": "ValidationError", "detail": "", "body": "", "errors": str(error)}

    def set(self, values: dict[str, Any]) -> Reply:
        """Set options without asking what they are."""
        self.options_set.append(values)
        for name, value in values.items():
            try:
                self.options.set(name, value)
            except KeyError as error:
                return 500, {"error": "KeyError", "detail": "", "body": "", "errors": str(error)}
        self.options.save()
        return 200, None

    def sampler_of(self, name: str) -> str:
        """Return what runs for a sampler: unknown names become the first sampler, silently."""
        endings = [f" {word}" for entry in LISTS["schedulers"] for word in (entry["label"], entry["name"])]
        bare = next((name.removesuffix(ending) for ending in endings if name.endswith(ending)), name)
        known: list[str] = [sampler["name"] for sampler in LISTS["samplers"]]
        return self.sampler or (bare if bare in known else known[0])

    def _checkpoint(self, name: str) -> dict[str, Any]:
        return {
            "title": self.title_of(name),
            "model_name": name.rpartition(".")[0],
            "hash": f"{zlib.crc32(name.encode()):08x}",
            "sha256": None,
            "filename": f"/models/Stable-diffusion/{name}",
            "config": None,
        }
