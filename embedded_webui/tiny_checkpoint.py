"""Writes the default checkpoint: a tiny model of SD 1.5's shape in the single-file layout that the Web UI loads."""

import argparse
import hashlib
import json
import os
from pathlib import Path
from typing import Final

from embedded_webui import model_configs

#: Steps of the diffusion that the model's table of noise covers.
_TRAINING_STEPS: Final = 1000
#: Key of the file's metadata that tells a tiny checkpoint from a real one, and of which shape it is.
_SHAPE_KEY: Final = "darkroom_tiny_shape"
#: Bytes of a header that is read to look for the key; that of a tiny checkpoint has about 100,000.
_MAX_HEADER_BYTES: Final = 1_000_000


def is_outdated(path: Path) -> bool:
    """Tell whether `path` is a tiny checkpoint of a shape that this version no longer loads."""
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
    return hashlib.sha256(json.dumps(model_configs.TINY.folders, sort_keys=True).encode()).hexdigest()[:16]


def write_tiny_checkpoint(path: Path, *, seed: int) -> None:
    """Write a checkpoint of about 12 MB to `path`; the same seed gives the same bytes, another another model.

    It appears under its name only when it is complete. Its pictures are soft shapes that depend on prompt and seed.
    """
    # torch and diffusers take seconds to import, which the command line's help does not need.
    import torch  # noqa: PLC0415 - see above
    from diffusers import AutoencoderKL, UNet2DConditionModel  # noqa: PLC0415 - see above
    from safetensors.torch import save_file  # noqa: PLC0415 - see above
    from transformers import CLIPTextConfig, CLIPTextModel  # noqa: PLC0415 - see above

    from embedded_webui import original_layout, tiny_weights  # noqa: PLC0415 - see above

    folders = model_configs.TINY.folders
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        unet = UNet2DConditionModel.from_config(folders["unet"])
        vae = AutoencoderKL.from_config(folders["vae"])
        text = CLIPTextModel(CLIPTextConfig(**folders["text_encoder"]))
        tiny_weights.fill_unet(unet)
        tiny_weights.fill_autoencoder(vae, torch.Generator().manual_seed(seed))
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, _TRAINING_STEPS, dtype=torch.float64) ** 2
    tensors = {
        **original_layout.unet_layout(unet.state_dict()),
        **original_layout.vae_layout(vae.state_dict()),
        **original_layout.text_layout(text.state_dict()),
        "betas": betas.float(),
        "alphas_cumprod": torch.cumprod(1 - betas, dim=0).float(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    # One entry only: of several the order, and with it the bytes of the file, would be another each time.
    metadata = {_SHAPE_KEY: _shape()}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial, metadata=metadata)
    partial.replace(path)


def main() -> None:
    """Write a checkpoint where the command line says."""
    parser = argparse.ArgumentParser(description="Write a tiny checkpoint for the embedded Web UI.")
    parser.add_argument("path", type=Path, help="file to write, for example models/Stable-diffusion/tiny.safetensors")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes another model (default: 0)")
    arguments = parser.parse_args()
    write_tiny_checkpoint(arguments.path, seed=arguments.seed)


if __name__ == "__main__":
    main()
