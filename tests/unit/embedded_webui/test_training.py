"""Training of the tiny model: a few steps of each stage, and a state to go on from.

The tests import torch when they run, because every process of a parallel run imports this file to collect its tests.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from embedded_webui.models.kinds import TINY
from embedded_webui.models.tokenizers import build_tokenizers

if TYPE_CHECKING:
    from torch import nn

    from embedded_webui.training.loop import Plan

pytestmark = pytest.mark.xdist_group("embedded_webui")


def plan(steps: int, *, has_muon: bool = False) -> "Plan":
    from embedded_webui.training.loop import Plan  # noqa: PLC0415 - see above

    return Plan(name="test", steps=steps, learning_rate=(2e-3, 2e-3), has_muon=has_muon)


def text_encoder() -> Any:
    import torch  # noqa: PLC0415 - see above
    from transformers import CLIPTextConfig, CLIPTextModel  # noqa: PLC0415 - see above

    torch.manual_seed(0)
    return CLIPTextModel(CLIPTextConfig(**TINY.config("text_encoder") | {"num_hidden_layers": 1}))


def falls(losses: list[float]) -> bool:
    """Return True if the last third of the losses is clearly below the first third."""
    third = len(losses) // 3
    return sum(losses[-third:]) < 0.9 * sum(losses[:third])


@pytest.mark.slow
@pytest.mark.parametrize("reads_mean", [False, True])
def test_the_text_encoder_learns_scenes(tmp_path: Path, *, reads_mean: bool) -> None:
    from embedded_webui.training.loop import train  # noqa: PLC0415 - see above
    from embedded_webui.training.words import Reader  # noqa: PLC0415 - see above

    tokenizer = build_tokenizers(TINY, models_folder=tmp_path)["tokenizer"]
    reader = Reader(text_encoder(), tokenizer, reads_mean=reads_mean)
    losses = train(
        reader,
        partial(reader.loss, related=0.5),
        plan(30 if reads_mean else 12, has_muon=reads_mean),
        state=tmp_path / "state.pt",
    )
    assert falls(losses)


@pytest.mark.slow
def test_the_decoder_learns_sharp_edges_from_the_means_of_the_encoder(tmp_path: Path) -> None:
    import torch  # noqa: PLC0415 - see above
    from diffusers import AutoencoderKL  # noqa: PLC0415 - see above

    from embedded_webui.training.autoencoder import decoder_loss  # noqa: PLC0415 - see above
    from embedded_webui.training.autoencoder_start import set_start  # noqa: PLC0415 - see above
    from embedded_webui.training.loop import train  # noqa: PLC0415 - see above
    from embedded_webui.training.pictures import mean_colours  # noqa: PLC0415 - see above

    vae = AutoencoderKL.from_config(TINY.config("vae"))
    set_start(vae)
    pixels = torch.rand(1, 3, 32, 32) * 2 - 1
    with torch.inference_mode():
        latents = vae.encode(pixels).latent_dist.mean * vae.config.scaling_factor
    assert torch.allclose(latents, mean_colours(pixels, 8), atol=0.01)
    losses = train(vae, lambda _: decoder_loss(vae, 0), plan(6), state=tmp_path / "state.pt")
    assert losses[-1] < 0.98 * losses[0]


class Denoising:
    """A U-Net, its pictures, and the loss of a step."""

    def __init__(self, folder: Path) -> None:
        import torch  # noqa: PLC0415 - see above
        from diffusers import UNet2DConditionModel  # noqa: PLC0415 - see above

        from embedded_webui.training.pictures import NoiseSchedule, PicturePool  # noqa: PLC0415 - see above

        tokenizer = build_tokenizers(TINY, models_folder=folder)["tokenizer"]
        self._pool = PicturePool(text_encoder(), tokenizer, count=16, size=(8, 8), style="flat", seed=1)
        self._schedule = NoiseSchedule()
        torch.manual_seed(0)
        self.unet: nn.Module = UNet2DConditionModel.from_config(TINY.config("unet"))

    def loss(self, step: int) -> Any:
        import torch  # noqa: PLC0415 - see above

        generator = torch.Generator().manual_seed(step)
        batch = self._pool.batch(8, generator, without_caption=0.1)
        return self._schedule.loss(self.unet, *batch, generator, highest=1000, focus=(0.5, 1.0))


@pytest.mark.slow
def test_the_unet_learns_pictures_and_goes_on_from_a_state(tmp_path: Path) -> None:
    import torch  # noqa: PLC0415 - see above

    from embedded_webui.training.loop import train  # noqa: PLC0415 - see above

    whole, interrupted, resumed = (Denoising(tmp_path) for _ in range(3))
    assert falls(train(whole.unet, whole.loss, plan(24), state=tmp_path / "whole.pt"))
    train(interrupted.unet, interrupted.loss, plan(12), state=tmp_path / "state.pt")
    losses = train(resumed.unet, resumed.loss, plan(24), state=tmp_path / "state.pt")
    assert len(losses) == 12
    weights = zip(whole.unet.parameters(), resumed.unet.parameters(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in weights)


def test_a_lora_file_holds_the_whole_change_of_a_unet(tmp_path: Path) -> None:
    import torch  # noqa: PLC0415 - see above
    from safetensors.torch import save_file  # noqa: PLC0415 - see above

    from embedded_webui.models.loras import LoraFile  # noqa: PLC0415 - see above
    from embedded_webui.training.loop import train  # noqa: PLC0415 - see above
    from embedded_webui.training.low_rank import add_changes, lora_tensors  # noqa: PLC0415 - see above

    denoising, plain = Denoising(tmp_path), Denoising(tmp_path)
    add_changes(denoising.unet)
    train(denoising.unet, denoising.loss, plan(3), state=tmp_path / "state.pt")
    save_file(
        {name: part.contiguous() for name, part in lora_tensors(denoising.unet).items()}, tmp_path / "lora.safetensors"
    )
    changes = list(LoraFile(tmp_path / "lora.safetensors").changes({"unet": plain.unet}, {"unet": 1.0}))
    with torch.no_grad():
        for parameter, change in changes:
            assert change.abs().max() > 0
            parameter.add_(change)
        inputs = (torch.randn(1, 4, 8, 8), torch.tensor(500), torch.randn(1, 77, 48))
        expected, result = (unet(*inputs).sample for unet in (denoising.unet, plain.unet))
    assert torch.allclose(expected, result, atol=1e-4)
