"""Folders of the model bucket from which each engine reads its models."""

from collections.abc import Mapping
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

#: Folders of ComfyUI 0.33.0, by the names that `GET /models` lists, without those that hold no models.
COMFYUI_MODEL_FOLDERS: Final = (
    "audio_encoders",
    "background_removal",
    "checkpoints",
    "classifiers",
    "clip_vision",
    "configs",
    "controlnet",
    "detection",
    "diffusers",
    "diffusion_models",
    "embeddings",
    "frame_interpolation",
    "geometry_estimation",
    "gligen",
    "hypernetworks",
    "latent_upscale_models",
    "loras",
    "model_patches",
    "optical_flow",
    "photomaker",
    "style_models",
    "text_encoders",
    "upscale_models",
    "vae",
    "vae_approx",
)
#: Other folders that ComfyUI reads as one of these: its older names, and the SD Web UI's folders in the same bucket.
COMFYUI_FURTHER_FOLDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "checkpoints": ("Stable-diffusion",),
    "controlnet": ("t2i_adapter", "ControlNet"),
    "diffusion_models": ("unet",),
    "loras": ("Lora",),
    "text_encoders": ("clip",),
    "upscale_models": ("ESRGAN",),
    "vae": ("VAE",),
}


def comfyui_folders(folder: str) -> tuple[str, ...]:
    """Return the folders of the bucket that hold the models of a ComfyUI folder, the folder's own name first."""
    current = next((name for name, others in COMFYUI_FURTHER_FOLDERS.items() if folder in others), folder)
    return (current, *COMFYUI_FURTHER_FOLDERS.get(current, ()))
