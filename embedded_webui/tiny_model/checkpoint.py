"""Writer of the default checkpoint: a tiny SD 1.5 model in the single-file layout that the Web UI loads."""

import argparse
import hashlib
import json
import os
from pathlib import Path
from typing import Final

from embedded_webui.models.kinds import TINY

#: Training steps in the model's table of noise levels.
_TRAINING_STEPS: Final = 1000
#: Key of the file's metadata that marks a tiny checkpoint and names its shape.
_SHAPE_KEY: Final = "darkroom_tiny_shape"
#: Largest header that is searched for the key; the header of a tiny checkpoint has about 100,000 bytes.
_MAX_HEADER_BYTES: Final = 1_000_000
#: Components of the model, as its checkpoint holds them.
_COMPONENTS: Final = ("unet", "vae", "text_encoder")


def is_outdated(path: Path) -> bool:
    """Return True if `path` is a tiny checkpoint of a shape that this version does not load."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > _MAX_HEADER_BYTES:
            return False
        try:
            metadata = json.loads(file.read(size)).get("__metadata__", {})
        except (ValueError, AttributeError):
            return False
    return bool(metadata.get(_SHAPE_KEY, _shape()) != _shape())


def _shape() -> str:
    configs = {component: TINY.config(component) for component in _COMPONENTS}
    return hashlib.sha256(json.dumps(configs, sort_keys=True).encode()).hexdigest()[:16]


def write_tiny_checkpoint(path: Path, *, seed: int) -> None:
    """Write a checkpoint of about 12 MB; the same seed gives the same bytes, another seed another model.

    The file appears under its name only when it is complete. Its images are soft shapes that depend on prompt and seed.
    """
    # torch and diffusers take seconds to import, which the command line's help does not need.
    import torch  # noqa: PLC0415 - see above
    from diffusers import AutoencoderKL, UNet2DConditionModel  # noqa: PLC0415 - see above
    from safetensors.torch import save_file  # noqa: PLC0415 - see above
    from transformers import CLIPTextConfig, CLIPTextModel  # noqa: PLC0415 - see above

    from embedded_webui.tiny_model import weights  # noqa: PLC0415 - see above
    from embedded_webui.tiny_model.single_file_layout import to_single_file  # noqa: PLC0415 - see above

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        unet = UNet2DConditionModel.from_config(TINY.config("unet"))
        vae = AutoencoderKL.from_config(TINY.config("vae"))
        text_encoder = CLIPTextModel(CLIPTextConfig(**TINY.config("text_encoder")))
        weights.fill_unet(unet)
        weights.fill_autoencoder(vae, torch.Generator().manual_seed(seed))
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, _TRAINING_STEPS, dtype=torch.float64) ** 2
    tensors = {
        **to_single_file(unet=unet, vae=vae, text_encoder=text_encoder),
        "betas": betas.float(),
        "alphas_cumprod": torch.cumprod(1 - betas, dim=0).float(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    # One entry only, because the order of several would change from run to run, and with it the bytes of the file.
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial, metadata={_SHAPE_KEY: _shape()})
    partial.replace(path)


def main() -> None:
    """Write the checkpoint that the command line names."""
    parser = argparse.ArgumentParser(description="Write a tiny checkpoint for the embedded Web UI.")
    parser.add_argument("path", type=Path, help="file to write, for example models/Stable-diffusion/tiny.safetensors")
    parser.add_argument("--seed", type=int, default=0, help="number that decides the weights (default: 0)")
    arguments = parser.parse_args()
    write_tiny_checkpoint(arguments.path, seed=arguments.seed)


if __name__ == "__main__":
    main()
