"""SDXL's pipelines, with two text encoders at tiny widths; a real SDXL checkpoint of 7 GB is too large for a test."""

from pathlib import Path

import pytest

pytestmark = [pytest.mark.xdist_group("embedded_webui")]

SIDE = 64


def test_sdxl_runs_from_noise_and_from_an_image() -> None:
    import torch  # noqa: PLC0415 - see test_webui_tiny_model
    from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel  # noqa: PLC0415 - see above
    from diffusers import StableDiffusionXLPipeline as Pipeline  # noqa: PLC0415 - see above
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection  # noqa: PLC0415 - see above

    from embedded_webui.generation.progress import ProgressState  # noqa: PLC0415 - see above
    from embedded_webui.generation.run import GenerationRun, choose_seeds  # noqa: PLC0415 - see above
    from embedded_webui.generation.samplers import resolve_sampler  # noqa: PLC0415 - see above
    from embedded_webui.generation.sampling import SamplingPass, Start  # noqa: PLC0415 - see above
    from embedded_webui.models.checkpoints import CheckpointFile  # noqa: PLC0415 - see above
    from embedded_webui.models.kinds import SDXL, TINY  # noqa: PLC0415 - see above
    from embedded_webui.models.model import Model  # noqa: PLC0415 - see above
    from embedded_webui.models.tokenizers import build_tokenizers  # noqa: PLC0415 - see above
    from embedded_webui.requests import TextToImageRequest  # noqa: PLC0415 - see above

    text = TINY.config("text_encoder") | {"num_hidden_layers": 2}
    unet = SDXL.config("unet") | {
        "block_out_channels": [16, 32, 32],
        "attention_head_dim": [1, 1, 1],
        "transformer_layers_per_block": [1, 1, 1],
        "cross_attention_dim": 96,
        "norm_num_groups": 4,
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 48 + 6 * 8,
    }
    vocabulary = build_tokenizers(TINY, models_folder=Path())["tokenizer"]
    torch.manual_seed(1)
    pipeline = Pipeline(
        vae=AutoencoderKL.from_config(TINY.config("vae")),
        text_encoder=CLIPTextModel(CLIPTextConfig(**text)),
        text_encoder_2=CLIPTextModelWithProjection(CLIPTextConfig(**text)),
        tokenizer=vocabulary,
        tokenizer_2=vocabulary,
        unet=UNet2DConditionModel.from_config(unet),
        scheduler=EulerDiscreteScheduler(),
    )
    model = Model(pipeline, checkpoint=CheckpointFile(Path("xl"), name="xl"), device="cpu")
    request = TextToImageRequest(prompt="a [cat:dog:0.5]", steps=3, width=SIDE, height=SIDE, seed=1)
    run = GenerationRun(
        request=request,
        sampler=resolve_sampler("Euler a", None),
        seeds=choose_seeds(request, count=2),
        clip_skip=1,
        checkpoint=model.checkpoint,
        state=ProgressState(),
        load_model=lambda _: model,
        find_loras=list,
    )
    with torch.inference_mode():
        latents = SamplingPass(run=run, model=model, seeds=run.seeds).latents()
        start = Start(latents=latents, strength=0.5)
        again = SamplingPass(run=run, model=model, seeds=run.seeds, start=start).latents()
        images = model.decode(again)
    assert latents.shape == again.shape == (2, 4, SIDE // 8, SIDE // 8)
    assert not torch.equal(latents[0], latents[1])
    assert not torch.equal(latents, again)
    assert [image.size for image in images] == [(SIDE, SIDE)] * 2
    assert model.guidance_scale(7, "red") == 7
    tiny = Model(pipeline, checkpoint=model.checkpoint, device="cpu", away_from_negative=1.5)
    assert [tiny.guidance_scale(7, "red"), tiny.guidance_scale(7, ""), tiny.guidance_scale(1, "red")] == [10, 7, 1]
