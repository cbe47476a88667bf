"""The tiny model and the names in checkpoints.

These tests import torch and diffusers, which takes seconds: only when they run, since every process of a parallel run
reads this file to know its tests.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from embedded_webui import model_configs, tokenizer
from embedded_webui.model_configs import SD15, SDXL, TINY, ModelKind
from embedded_webui.tiny_checkpoint import write_tiny_checkpoint

if TYPE_CHECKING:
    from torch import Tensor

pytestmark = pytest.mark.xdist_group("torch")

TOKENS = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"
TOKENS_XL = "conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight"
FIRST = "model.diffusion_model.input_blocks.0.0.weight"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "tiny.safetensors"
    write_tiny_checkpoint(path, seed=1)
    return path


def layout(kind: ModelKind) -> "dict[str, Tensor]":
    import torch  # noqa: PLC0415 - see above
    from diffusers import AutoencoderKL, UNet2DConditionModel  # noqa: PLC0415 - see above
    from transformers import CLIPTextConfig, CLIPTextModel  # noqa: PLC0415 - see above

    from embedded_webui import original_layout  # noqa: PLC0415 - see above

    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(kind.folders["unet"])
        vae = AutoencoderKL.from_config(kind.folders["vae"])
        text = CLIPTextModel(CLIPTextConfig(**kind.folders["text_encoder"]))
    return {
        **original_layout.unet_layout(unet.state_dict()),
        **original_layout.vae_layout(vae.state_dict()),
        **original_layout.text_layout(text.state_dict()),
    }


@pytest.mark.parametrize(("kind", "unet_tensors"), [(SD15, 686), (TINY, 686), (SDXL, 1680)])
def test_models_have_the_tensors_of_their_kind(kind: ModelKind, unet_tensors: int) -> None:
    names = layout(kind)
    counts = [sum(name.startswith(prefix) for name in names) for prefix in ("model.", "first_stage_model.", "cond")]
    assert counts == [unet_tensors, 248, 196]


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("model.diffusion_model.time_embed.2.weight", (1280, 1280)),
        ("model.diffusion_model.input_blocks.3.0.op.weight", (320, 320, 3, 3)),
        ("model.diffusion_model.input_blocks.4.0.skip_connection.weight", (640, 320, 1, 1)),
        ("model.diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k.weight", (1280, 768)),
        ("model.diffusion_model.output_blocks.2.1.conv.weight", (1280, 1280, 3, 3)),
        ("model.diffusion_model.output_blocks.5.2.conv.weight", (1280, 1280, 3, 3)),
        ("model.diffusion_model.out.2.weight", (4, 320, 3, 3)),
        ("first_stage_model.encoder.down.1.block.0.nin_shortcut.weight", (256, 128, 1, 1)),
        ("first_stage_model.decoder.up.3.upsample.conv.weight", (512, 512, 3, 3)),
        ("first_stage_model.decoder.mid.attn_1.q.weight", (512, 512, 1, 1)),
        ("first_stage_model.quant_conv.weight", (8, 8, 1, 1)),
        ("cond_stage_model.transformer.text_model.encoder.layers.11.mlp.fc2.weight", (768, 3072)),
    ],
)
def test_an_sd15_checkpoint_has_these_tensors(name: str, shape: tuple[int, ...]) -> None:
    assert tuple(layout(SD15)[name].shape) == shape


def test_the_same_seed_writes_the_same_bytes(checkpoint: Path, tmp_path: Path) -> None:
    again, other = tmp_path / "again.safetensors", tmp_path / "other.safetensors"
    write_tiny_checkpoint(again, seed=1)
    write_tiny_checkpoint(other, seed=2)
    assert again.read_bytes() == checkpoint.read_bytes()
    assert other.read_bytes() != checkpoint.read_bytes()
    assert list(tmp_path.iterdir()) == [again, other] or list(tmp_path.iterdir()) == [other, again]


def test_diffusers_reads_the_tensors_that_were_written(checkpoint: Path, tmp_path: Path) -> None:
    import torch  # noqa: PLC0415 - see above
    from diffusers import StableDiffusionPipeline  # noqa: PLC0415 - see above
    from safetensors.torch import load_file  # noqa: PLC0415 - see above

    from embedded_webui import original_layout  # noqa: PLC0415 - see above

    TINY.write(tmp_path)
    tokenizer.write_tokenizers(TINY, tmp_path, models_folder=tmp_path)
    pipeline = StableDiffusionPipeline.from_single_file(str(checkpoint), config=str(tmp_path), local_files_only=True)
    written = load_file(checkpoint)
    read = {
        **original_layout.unet_layout(pipeline.unet.state_dict()),
        **original_layout.vae_layout(pipeline.vae.state_dict()),
        **original_layout.text_layout(pipeline.text_encoder.state_dict()),
    }
    assert read.keys() == written.keys() - {"betas", "alphas_cumprod"}
    assert all(torch.equal(tensor, written[name]) for name, tensor in read.items())
    ids = pipeline.tokenizer("a cat!", add_special_tokens=False).input_ids
    assert len(set(ids)) > 1
    assert all(0 <= number < model_configs.TINY_TOKENS for number in ids)


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        ({TOKENS: (49408, 768), FIRST: (320, 4, 3, 3)}, SD15),
        ({TOKENS_XL: (49408, 768), FIRST: (320, 4, 3, 3)}, SDXL),
        ({TOKENS: (514, 32), FIRST: (16, 4, 3, 3)}, TINY),
    ],
)
def test_kinds_are_known_by_their_shapes(shapes: dict[str, tuple[int, ...]], kind: ModelKind) -> None:
    assert model_configs.kind_of(shapes) is kind


@pytest.mark.parametrize(
    "shapes", [{}, {"some.weight": (1,)}, {TOKENS: (49408, 1024)}, {TOKENS: (49408, 768), FIRST: (320, 9, 3, 3)}]
)
def test_other_models_are_refused(shapes: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(model_configs.UnknownModel):
        model_configs.kind_of(shapes)


def test_a_vocabulary_in_the_models_folder_comes_first(tmp_path: Path) -> None:
    own = tmp_path / "CLIP" / "merges.txt"
    own.parent.mkdir()
    own.write_text("#version\nc a\nca t</w>\n")
    tokenizer.write_tokenizers(SD15, tmp_path / "config", models_folder=tmp_path)
    vocabulary = json.loads((tmp_path / "config" / "tokenizer" / "vocab.json").read_text())
    assert (vocabulary["!"], vocabulary["!</w>"]) == (0, 256)
    assert (vocabulary["ca"], vocabulary["cat</w>"], vocabulary["<|endoftext|>"]) == (512, 513, 515)
