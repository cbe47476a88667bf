"""The shapes of model that the embedded Web UI runs, as the configuration folders that diffusers loads them with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

Config: TypeAlias = dict[str, Any]

#: Tokens of one chunk of a prompt, with its first and last mark: the length of CLIP's table of positions.
CHUNK_TOKENS: Final = 77
#: Side of a pixel of the latent picture in pixels of the picture, of every model known here.
LATENT_PIXELS: Final = 8
#: Tokens of OpenAI's CLIP vocabulary; the last two are the marks of beginning and end.
_CLIP_TOKENS: Final = 49408
#: Tokens of the tiny model: each byte inside a word, each at its end, and the two marks.
TINY_TOKENS: Final = 2 * 256 + 2
#: Width of the tiny model's text encoder, by which its file is recognised.
TINY_TEXT_WIDTH: Final = 32

_SCHEDULER: Final[Config] = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "timestep_spacing": "leading",
    "steps_offset": 1,
}
_UNET: Final[Config] = {
    "_class_name": "UNet2DConditionModel",
    "sample_size": 64,
    "layers_per_block": 2,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    "block_out_channels": [320, 640, 1280, 1280],
    "attention_head_dim": 8,
    "cross_attention_dim": 768,
}
_VAE: Final[Config] = {
    "_class_name": "AutoencoderKL",
    "sample_size": 512,
    "latent_channels": 4,
    "layers_per_block": 2,
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "scaling_factor": 0.18215,
}
_TEXT: Final[Config] = {
    "architectures": ["CLIPTextModel"],
    "model_type": "clip_text_model",
    "vocab_size": _CLIP_TOKENS,
    "bos_token_id": _CLIP_TOKENS - 2,
    "eos_token_id": _CLIP_TOKENS - 1,
    "pad_token_id": 1,
    "max_position_embeddings": CHUNK_TOKENS,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "projection_dim": 768,
    "hidden_act": "quick_gelu",
}
_PIPELINE: Final[Config] = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "safety_checker": [None, None],
    "requires_safety_checker": False,
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


class UnknownModel(Exception):
    """Raised when a checkpoint is of none of the shapes that the embedded Web UI runs."""


@dataclass(frozen=True, kw_only=True)
class ModelKind:
    """One shape of model: `folders` holds a configuration per component, as diffusers lays them out."""

    name: str
    pipeline: str
    folders: Mapping[str, Config]
    #: Names of the components that read a prompt: (tokenizer, text encoder).
    text_encoders: tuple[tuple[str, str], ...] = (("tokenizer", "text_encoder"),)

    def write(self, folder: Path) -> None:
        """Write the configuration folder that diffusers loads the model with."""
        index = {**_PIPELINE, "_class_name": self.pipeline}
        for tokenizer, encoder in self.text_encoders:
            index[tokenizer] = ["transformers", "CLIPTokenizer"]
            index[encoder] = ["transformers", self.folders[encoder]["architectures"][0]]
        _write(folder / "model_index.json", index)
        for component, config in {**self.folders, "scheduler": _SCHEDULER}.items():
            name = "scheduler_config.json" if component == "scheduler" else "config.json"
            _write(folder / component / name, config)


SD15: Final = ModelKind(
    name="SD 1.5", pipeline="StableDiffusionPipeline", folders={"unet": _UNET, "vae": _VAE, "text_encoder": _TEXT}
)
SDXL: Final = ModelKind(
    name="SDXL",
    pipeline="StableDiffusionXLPipeline",
    text_encoders=(("tokenizer", "text_encoder"), ("tokenizer_2", "text_encoder_2")),
    folders={
        "unet": {
            **_UNET,
            "sample_size": 128,
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "block_out_channels": [320, 640, 1280],
            "transformer_layers_per_block": [1, 2, 10],
            "attention_head_dim": [5, 10, 20],
            "cross_attention_dim": 2048,
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
        },
        "vae": {**_VAE, "sample_size": 1024, "scaling_factor": 0.13025, "force_upcast": True},
        "text_encoder": _TEXT,
        "text_encoder_2": {
            **_TEXT,
            "architectures": ["CLIPTextModelWithProjection"],
            "hidden_size": 1280,
            "intermediate_size": 5120,
            "num_hidden_layers": 32,
            "num_attention_heads": 20,
            "projection_dim": 1280,
            "hidden_act": "gelu",
        },
    },
)
#: One or two heads at the large levels: with eight, the attention between 4,096 pixels is nearly all of the time.
TINY: Final = ModelKind(
    name="tiny",
    pipeline="StableDiffusionPipeline",
    folders={
        "unet": {
            **_UNET,
            "block_out_channels": [16, 32, 64, 64],
            "attention_head_dim": [1, 1, 2, 2],
            "cross_attention_dim": TINY_TEXT_WIDTH,
            "norm_num_groups": 4,
        },
        "vae": {**_VAE, "block_out_channels": [8, 16, 16, 32], "norm_num_groups": 2},
        "text_encoder": {
            **_TEXT,
            "vocab_size": TINY_TOKENS,
            "bos_token_id": TINY_TOKENS - 2,
            "eos_token_id": TINY_TOKENS - 1,
            "hidden_size": TINY_TEXT_WIDTH,
            "intermediate_size": 4 * TINY_TEXT_WIDTH,
            "num_attention_heads": 2,
            "projection_dim": TINY_TEXT_WIDTH,
        },
    },
)
#: Name of the token table in the file, and the kind of model by that table's width.
_TOKEN_TABLES: Final = {
    "conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight": {768: SDXL},
    "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight": {768: SD15, TINY_TEXT_WIDTH: TINY},
}


def kind_of(shapes: Mapping[str, tuple[int, ...]]) -> ModelKind:
    """Return the kind of model that has tensors of these names and shapes, or raise `UnknownModel`."""
    for table, kinds in _TOKEN_TABLES.items():
        if table in shapes and (kind := kinds.get(shapes[table][-1])):
            channels = shapes.get("model.diffusion_model.input_blocks.0.0.weight", ())[1:2]
            if channels and channels != (kind.folders["vae"]["latent_channels"],):
                raise UnknownModel(
                    f"a {kind.name} model with {channels[0]} input channels (inpainting) is not supported"
                )
            return kind
    raise UnknownModel("neither an SD 1.5 nor an SDXL checkpoint in one file")


def _write(path: Path, config: Config) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config))
