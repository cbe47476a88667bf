"""The kinds of model that the embedded Web UI runs, recognised by the tensors of a checkpoint.

`data/model_configs/` holds one folder per kind in the layout that diffusers loads, so that nothing is downloaded.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

#: Pixels of the image along one side of a latent pixel, for every kind of model here.
LATENT_PIXELS: Final = 8
#: Tokens of one chunk of a prompt with its begin and end tokens: the length of CLIP's position table.
CHUNK_TOKENS: Final = 77
_DATA: Final = Path(__file__).parents[1] / "data"
_CONFIGS: Final = _DATA / "model_configs"
#: Models folder with what the project trained; docs/reference/tiny-model.md is its model card.
TRAINED_MODELS: Final = _DATA / "models"
_SD15_TOKENS: Final = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"
_SDXL_TOKENS: Final = "conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight"
_FIRST_CONVOLUTION: Final = "model.diffusion_model.input_blocks.0.0.weight"


class UnsupportedModel(Exception):
    """Raised when a checkpoint is of no kind that the embedded Web UI runs."""


@dataclass(frozen=True)
class ModelKind:
    """One kind of model, recognised by the name and the width of the token table in its checkpoint."""

    name: str
    config_folder: Path
    token_table: str

    def config(self, component: str) -> dict[str, Any]:
        """Return the configuration of a component, for example of `unet`."""
        config: dict[str, Any] = json.loads((self.config_folder / component / "config.json").read_text())
        return config

    @property
    def components(self) -> dict[str, Any]:
        """Library and class of each component, and the class of the pipeline as `_class_name`."""
        components: dict[str, Any] = json.loads((self.config_folder / "model_index.json").read_text())
        return components


SD15: Final = ModelKind("SD 1.5", _CONFIGS / "sd15", _SD15_TOKENS)
SDXL: Final = ModelKind("SDXL", _CONFIGS / "sdxl", _SDXL_TOKENS)
#: SD 1.5 at tiny widths, which the project trains. Only the two small levels attend to each other and to the prompt,
#: because attention among the 4,096 latent pixels of a 512 x 512 image takes nearly all of the time.
TINY: Final = ModelKind("tiny", _CONFIGS / "tiny", _SD15_TOKENS)


def kind_of(shapes: Mapping[str, tuple[int, ...]]) -> ModelKind:
    """Return the kind of model that has tensors of these names and shapes, or raise `UnsupportedModel`."""
    for kind in (SD15, SDXL, TINY):
        if shapes.get(kind.token_table, ())[-1:] == (kind.config("text_encoder")["hidden_size"],):
            channels = shapes.get(_FIRST_CONVOLUTION, ())[1:2]
            if channels and channels != (kind.config("vae")["latent_channels"],):
                raise UnsupportedModel(
                    f"a {kind.name} model with {channels[0]} input channels (inpainting) is not supported"
                )
            return kind
    raise UnsupportedModel("neither an SD 1.5 nor an SDXL checkpoint in one file")
