"""One loaded checkpoint: text to conditions, latent pictures to noise, pictures to latents and back."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import diffusers
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open
from torch import Tensor

from embedded_webui.checkpoints import Checkpoint
from embedded_webui.conditioning import Condition, PromptEncoder
from embedded_webui.errors import WebUiError
from embedded_webui.model_configs import LATENT_PIXELS, TINY, ModelKind, kind_of
from embedded_webui.tiny_attention import AveragedAttention
from embedded_webui.tokenizer import write_tokenizers

#: Largest value of a colour in eight bits.
_WHITE: Final = 255


class Model:
    """A pipeline of diffusers whose parts are called one by one, so that a run can be watched and interrupted."""

    def __init__(self, pipeline: Any, *, kind: ModelKind, checkpoint: Checkpoint, device: str) -> None:
        self.checkpoint = checkpoint
        self.device = device
        self.scheduler_config: Mapping[str, Any] = pipeline.scheduler.config
        self.prompts = PromptEncoder(pipeline, names=kind.text_encoders)
        self._unet = pipeline.unet
        self._vae = pipeline.vae
        self._scaling_factor = float(pipeline.vae.config.scaling_factor)
        self.latent_channels = int(pipeline.vae.config.latent_channels)
        self._colours = self._learn_colours()

    @property
    def dtype(self) -> torch.dtype:
        """The type of the U-Net's numbers; latents stay in 32 bits between the steps."""
        dtype: torch.dtype = self._unet.dtype
        return dtype

    def predict_noise(
        self, latents: Tensor, timestep: Tensor, conditions: Sequence[Condition], *, width: int, height: int
    ) -> list[Tensor]:
        """Return the noise in `latents` under each condition, in one call."""
        count = len(latents)
        text = torch.cat([condition.text.expand(count, -1, -1) for condition in conditions])
        added = None
        if conditions[0].pooled is not None:
            pooled = torch.cat([c.pooled.expand(count, -1) for c in conditions if c.pooled is not None])
            times = torch.tensor([[height, width, 0, 0, height, width]], device=self.device, dtype=pooled.dtype)
            added = {"text_embeds": pooled, "time_ids": times.expand(len(pooled), -1)}
        noise = self._unet(
            torch.cat([latents] * len(conditions)).to(self.dtype),
            timestep,
            encoder_hidden_states=text,
            added_cond_kwargs=added,
        ).sample
        return list(noise.float().chunk(len(conditions)))

    def decode(self, latents: Tensor) -> list[Image.Image]:
        """Return the pictures of latents, one by one, which needs the memory of one."""
        return [self._decode_one(latent[None]) for latent in latents]

    def encode(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Return the latents of pictures of one size."""
        values = torch.stack([_to_tensor(picture) for picture in pictures]).to(self.device, self._vae.dtype)
        mean: Tensor = self._vae.encode(values).latent_dist.mean
        return mean.float() * self._scaling_factor

    def preview(self, latent: Tensor) -> Image.Image:
        """Return a picture of the size of the latents, from the colour that each of their channels stands for."""
        colours = torch.einsum("chw,cd->hwd", latent.float().cpu(), self._colours)
        return Image.fromarray(_to_bytes(colours))

    def set_tiling(self, *, enabled: bool) -> None:
        """Make pictures whose edges continue on the other side, or not."""
        for part in (self._unet, self._vae):
            for module in part.modules():
                if isinstance(module, torch.nn.Conv2d):
                    module.padding_mode = "circular" if enabled else "zeros"

    def _decode_one(self, latent: Tensor) -> Image.Image:
        decoded = self._vae.decode(latent.to(self._vae.dtype) / self._scaling_factor).sample[0].float()
        if bool(torch.isnan(decoded).any()):
            raise WebUiError("NansException", "A tensor with NaNs was produced in VAE.")
        return Image.fromarray(_to_bytes(decoded.permute(1, 2, 0).cpu()))

    def _learn_colours(self) -> Tensor:
        """Return [channels, 3]: what a picture that is 1 in one latent channel looks like."""
        size = 4
        with torch.inference_mode():
            probes = torch.eye(self.latent_channels, device=self.device)[:, :, None, None].expand(-1, -1, size, size)
            answers: Tensor = self._vae.decode(probes.to(self._vae.dtype) / self._scaling_factor).sample.float()
        centre = size * LATENT_PIXELS // 2
        return answers[:, :, centre, centre].cpu()


def load_model(checkpoint: Checkpoint, *, models_folder: Path, device: str) -> Model:
    """Load a checkpoint by the shapes of its tensors; nothing but the file and the project's own data is read."""
    with safe_open(checkpoint.path, framework="pt") as file:
        kind = kind_of({name: tuple(file.get_slice(name).get_shape()) for name in file.keys()})  # noqa: SIM118 - not a dict
    checkpoint.calculate_hash()
    with tempfile.TemporaryDirectory(prefix="embedded-webui-") as name:
        folder = Path(name)
        kind.write(folder)
        write_tokenizers(kind, folder, models_folder=models_folder)
        pipeline = getattr(diffusers, kind.pipeline).from_single_file(
            str(checkpoint.path),
            config=str(folder),
            local_files_only=True,
            torch_dtype=torch.float32 if device == "cpu" else torch.float16,
        )
    if kind is TINY:
        pipeline.unet.set_attn_processor(AveragedAttention())
    if device != "cpu":
        pipeline.to(device)
    if pipeline.vae.config.force_upcast:
        pipeline.vae.to(torch.float32)
    return Model(pipeline, kind=kind, checkpoint=checkpoint, device=device)


def _to_tensor(picture: Image.Image) -> Tensor:
    values = np.asarray(picture.convert("RGB"), dtype=np.float32) / _WHITE * 2 - 1
    return torch.from_numpy(values).permute(2, 0, 1)


def _to_bytes(colours: Tensor) -> NDArray[np.uint8]:
    array: NDArray[np.uint8] = ((colours + 1) / 2).clamp(0, 1).mul(_WHITE).to(torch.uint8).numpy()
    return array
