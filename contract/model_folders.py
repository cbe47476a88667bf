"""Folders from which the Web UI and ControlNet read models."""

from typing import Final

#: The Web UI makes them at its start unless they are there.
WEBUI_MODEL_FOLDERS: Final = (
    "BLIP",
    "CLIP",
    "Codeformer",
    "ControlNet",
    "ControlNetPreprocessors",
    "DAT",
    "ESRGAN",
    "GFPGAN",
    "LDSR",
    "Lora",
    "RealESRGAN",
    "ScuNET",
    "Stable-diffusion",
    "SwinIR",
    "VAE",
    "VAE-approx",
    "deepbooru",
    "embeddings",
    "hypernetworks",
    "karlo",
    "torch_deepdanbooru",
)
