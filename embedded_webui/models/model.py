"""One loaded checkpoint: diffusers' pipelines for text-to-image and image-to-image over the same weights."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import diffusers
import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from torch import Tensor

from embedded_webui.errors import NansException
from embedded_webui.generation.prompt_encoder import PromptEncoder
from embedded_webui.models.checkpoints import CheckpointFile
from embedded_webui.models.coarse_steps import CoarseSteps
from embedded_webui.models.damped_guidance import AWAY_FROM_NEGATIVE
from embedded_webui.models.kinds import LATENT_PIXELS, TINY, ModelKind, kind_of
from embedded_webui.models.loras import LoraFile
from embedded_webui.models.tokenizers import build_tokenizers

#: Local variables of the denoising loop that a callback sees.
CALLBACK_TENSORS: Final = ("latents", "noise_pred", "latent_model_input")
#: Latent pixels along each side of the image that shows the colour of a latent channel.
_PROBE_SIDE: Final = 4


class _WatchedSteps:
    """Changes to diffusers' pipelines: callbacks see the predicted noise, and the caller draws the starting noise."""

    _callback_tensor_inputs: Final = CALLBACK_TENSORS
    scheduler: Any
    _guidance_scale: float
    #: Noise that an image-to-image pipeline adds to the latents of an image; a subseed may have shaped it.
    starting_noise: Tensor | None = None

    @property
    def do_classifier_free_guidance(self) -> bool:
        """Return True if the negative prompt counts; in the Web UI it also does at scales below 1."""
        return self._guidance_scale != 1

    def prepare_latents(self, *arguments: Any, **named: Any) -> Tensor:
        """Return the latents of the first step: noise, or those of an image with its noise."""
        if self.starting_noise is None:
            prepared: Tensor = super().prepare_latents(*arguments, **named)  # type: ignore[misc]  # the pipeline's
            return prepared
        noised: Tensor = self.scheduler.add_noise(arguments[0], self.starting_noise, arguments[1])
        return noised


class Model:
    """A checkpoint in memory, on one device."""

    def __init__(
        self, pipeline: Any, *, checkpoint: CheckpointFile, device: str, away_from_negative: float = 1.0
    ) -> None:
        self.checkpoint = checkpoint
        self.device = device
        self.scheduler_config: Mapping[str, Any] = pipeline.scheduler.config
        self.prompts = PromptEncoder(pipeline)
        name = type(pipeline).__name__
        self.text_to_image = _build(name, pipeline)
        self.image_to_image = _build(name.replace("Pipeline", "Img2ImgPipeline"), pipeline)
        self.unet: Any = pipeline.unet
        self.dtype: torch.dtype = pipeline.unet.dtype
        self.latent_channels = int(pipeline.vae.config.latent_channels)
        self._pipeline = pipeline
        self._away_from_negative = away_from_negative
        #: None while a change is incomplete.
        self._loras: Mapping[LoraFile, tuple[float, float]] | None = {}
        self._unchanged: list[tuple[Tensor, Tensor]] = []
        self._colours = self._learn_colours()

    def guidance_scale(self, scale: float, negative_prompt: str) -> float:
        """Return the scale of guidance that the pipeline takes for a request's; 1 stays 1, where nothing guides."""
        return 1 + (scale - 1) * self._away_from_negative if negative_prompt else scale

    def encode(self, images: Sequence[Image.Image]) -> Tensor:
        """Return the latents of images of one size."""
        vae = self._pipeline.vae
        pixels = self._pipeline.image_processor.preprocess(list(images)).to(self.device, vae.dtype)
        mean: Tensor = vae.encode(pixels).latent_dist.mean
        return mean.float() * float(vae.config.scaling_factor)

    def decode(self, latents: Tensor) -> list[Image.Image]:
        """Return the images of latents."""
        decoded = self._decode(latents)
        if bool(torch.isnan(decoded).any()):
            raise NansException("A tensor with NaNs was produced in VAE.")
        images: list[Image.Image] = self._pipeline.image_processor.postprocess(decoded)
        return images

    def preview(self, latent: Tensor) -> Image.Image:
        """Return an image of the size of the latents, from the colour of each latent channel."""
        colours = torch.einsum("chw,cd->dhw", latent.float().cpu(), self._colours)
        preview: Image.Image = self._pipeline.image_processor.postprocess(colours[None])[0]
        return preview

    def set_tiling(self, *, enabled: bool) -> None:
        """Make images whose edges continue on the opposite side, or ordinary ones."""
        for part in (self._pipeline.unet, self._pipeline.vae):
            for module in part.modules():
                if isinstance(module, torch.nn.Conv2d):
                    module.padding_mode = "circular" if enabled else "zeros"

    @torch.no_grad()
    def use_loras(self, loras: Mapping[LoraFile, tuple[float, float]]) -> None:
        """Change the weights by these files alone, with a weight for the text encoders and one for the U-Net."""
        if loras == self._loras:
            return
        for parameter, before in self._unchanged:
            parameter.copy_(before)
        self._unchanged, self._loras = [], None
        encoders = {"te": "text_encoder", "te1": "text_encoder", "te2": "text_encoder_2"}
        encoders |= {name: name for name in ("text_encoder", "text_encoder_2")}
        parts = {part: getattr(self._pipeline, name, None) for part, name in encoders.items()}
        parts = {"unet": self.unet} | {part: encoder for part, encoder in parts.items() if encoder is not None}
        for lora, (text_weight, image_weight) in loras.items():
            weights = dict.fromkeys(parts, text_weight) | {"unet": image_weight}
            # A file that does not load is left out in silence, as in the Web UI.
            with suppress(SafetensorError):
                for parameter, change in lora.changes(parts, weights):
                    self._unchanged.insert(0, (parameter, parameter.clone()))
                    parameter.add_(change.to(parameter.device, parameter.dtype))
        self._loras = loras

    def _decode(self, latents: Tensor) -> Tensor:
        vae = self._pipeline.vae
        decoded: Tensor = vae.decode(latents.to(vae.dtype) / vae.config.scaling_factor).sample.float()
        return decoded

    @torch.inference_mode()
    def _learn_colours(self) -> Tensor:
        """Return [channels, 3]: the colour of an image that is 1 in one latent channel."""
        channels = torch.eye(self.latent_channels, device=self.device)[:, :, None, None]
        decoded = self._decode(channels.expand(-1, -1, _PROBE_SIDE, _PROBE_SIDE))
        centre = _PROBE_SIDE * LATENT_PIXELS // 2
        return decoded[:, :, centre, centre].cpu()


def load_model(checkpoint: CheckpointFile, *, models_folder: Path, device: str) -> Model:
    """Load a checkpoint. Its tensors decide its kind; the configuration is the project's own."""
    with safe_open(checkpoint.path, framework="pt") as file:
        kind: ModelKind = kind_of({name: tuple(file.get_slice(name).get_shape()) for name in file.keys()})  # noqa: SIM118 - not a dict
    checkpoint.calculate_hash()
    pipeline = getattr(diffusers, kind.components["_class_name"]).from_single_file(
        str(checkpoint.path),
        config=str(kind.config_folder),
        local_files_only=True,
        torch_dtype=torch.float32 if device == "cpu" else torch.float16,
        **build_tokenizers(kind, models_folder=models_folder),
    )
    if kind is TINY:
        pipeline.unet.forward = CoarseSteps(pipeline.unet, pipeline.scheduler.alphas_cumprod).forward
    if device != "cpu":
        pipeline.to(device)
    if pipeline.vae.config.force_upcast:
        pipeline.vae.to(torch.float32)
    # One image of a batch at a time, which needs the memory of one.
    pipeline.vae.enable_slicing()
    away = AWAY_FROM_NEGATIVE if kind is TINY else 1.0
    return Model(pipeline, checkpoint=checkpoint, device=device, away_from_negative=away)


def _build(name: str, loaded: Any) -> Any:
    """Return a pipeline over the components of a loaded one, with changes to its class."""
    pipeline = type(name, (_WatchedSteps, getattr(diffusers, name)), {})(**loaded.components)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
