"""The trained tiny model, and the names of tensors in checkpoints.

The tests import torch when they run, because every process of a parallel run imports this file to collect its tests.
"""

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from embedded_webui.models.kinds import SD15, SDXL, TINY, TRAINED_MODELS, ModelKind, UnsupportedModel, kind_of
from embedded_webui.models.tokenizers import build_tokenizers

if TYPE_CHECKING:
    from torch import Tensor

pytestmark = pytest.mark.xdist_group("embedded_webui")

TOKENS = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"
TOKENS_XL = "conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight"
FIRST = "model.diffusion_model.input_blocks.0.0.weight"


#: Files that the project trained, and the largest size of each in bytes.
TRAINED = {
    "Stable-diffusion/shapes.safetensors": 12_000_000,
    "Stable-diffusion/chalk.safetensors": 12_000_000,
    "Lora/ink.safetensors": 300_000,
}


@pytest.mark.parametrize(("name", "largest"), TRAINED.items())
def test_the_recipe_of_today_made_a_trained_file(name: str, largest: int) -> None:
    from safetensors import safe_open  # noqa: PLC0415 - see above

    from embedded_webui.training.recipe import RECIPE_KEY, recipe_hash  # noqa: PLC0415 - see above

    path = TRAINED_MODELS / name
    with safe_open(path, framework="numpy") as file:
        assert file.metadata() == {RECIPE_KEY: recipe_hash()}
    assert path.stat().st_size <= largest


@functools.cache
def layout(kind: ModelKind) -> "dict[str, Tensor]":
    import torch  # noqa: PLC0415 - see above
    from diffusers import AutoencoderKL, UNet2DConditionModel  # noqa: PLC0415 - see above
    from transformers import CLIPTextConfig, CLIPTextModel  # noqa: PLC0415 - see above

    from embedded_webui.training.single_file_layout import to_single_file  # noqa: PLC0415 - see above

    with torch.device("meta"):
        return to_single_file(
            unet=UNet2DConditionModel.from_config(kind.config("unet")),
            vae=AutoencoderKL.from_config(kind.config("vae")),
            text_encoder=CLIPTextModel(CLIPTextConfig(**kind.config("text_encoder"))),
        )


@pytest.mark.parametrize(("kind", "unet_tensors"), [(SD15, 686), (TINY, 288)])
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


@pytest.mark.parametrize("name", ["shapes", "chalk"])
def test_diffusers_reads_the_tensors_of_a_trained_checkpoint(name: str) -> None:
    import torch  # noqa: PLC0415 - see above
    from diffusers import StableDiffusionPipeline  # noqa: PLC0415 - see above
    from safetensors.torch import load_file  # noqa: PLC0415 - see above

    from embedded_webui.training.single_file_layout import to_single_file  # noqa: PLC0415 - see above

    written = TRAINED_MODELS / "Stable-diffusion" / f"{name}.safetensors"
    pipeline = StableDiffusionPipeline.from_single_file(
        str(written),
        config=str(TINY.config_folder),
        local_files_only=True,
        torch_dtype=torch.float16,
        **build_tokenizers(TINY, models_folder=written.parent),
    )
    tensors = load_file(written)
    read = to_single_file(unet=pipeline.unet, vae=pipeline.vae, text_encoder=pipeline.text_encoder)
    assert read.keys() == tensors.keys()
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in read.items())


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        ({TOKENS: (49408, 768), FIRST: (320, 4, 3, 3)}, SD15),
        ({TOKENS_XL: (49408, 768), FIRST: (320, 4, 3, 3)}, SDXL),
        ({TOKENS: (49408, 48), FIRST: (16, 4, 3, 3)}, TINY),
    ],
)
def test_kinds_are_known_by_their_shapes(shapes: dict[str, tuple[int, ...]], kind: ModelKind) -> None:
    assert kind_of(shapes) is kind


@pytest.mark.parametrize(
    "shapes", [{}, {"some.weight": (1,)}, {TOKENS: (49408, 1024)}, {TOKENS: (49408, 768), FIRST: (320, 9, 3, 3)}]
)
def test_other_models_are_refused(shapes: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(UnsupportedModel):
        kind_of(shapes)


def test_a_vocabulary_in_the_models_folder_comes_first(tmp_path: Path) -> None:
    own = tmp_path / "CLIP" / "merges.txt"
    own.parent.mkdir()
    own.write_text("#version\nc a\nca t</w>\n")
    tokenizers = build_tokenizers(SDXL, models_folder=tmp_path)
    assert list(tokenizers) == ["tokenizer", "tokenizer_2"]
    vocabulary = tokenizers["tokenizer"].get_vocab()
    assert (vocabulary["!"], vocabulary["!</w>"]) == (0, 256)
    assert (vocabulary["ca"], vocabulary["cat</w>"], vocabulary["<|endoftext|>"]) == (512, 513, 515)
    assert tokenizers["tokenizer"]("cat", add_special_tokens=False).input_ids == [513]
