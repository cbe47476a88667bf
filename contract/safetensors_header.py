"""Header of a `.safetensors` file: proves that the file is complete, and shows the kind of the model."""

import json
import struct
from collections import Counter
from enum import Enum
from math import prod
from typing import Any, BinaryIO, Final

from pydantic import BaseModel, ConfigDict

from contract.model_folders import WEBUI_MODEL_FOLDERS

#: Bytes of a header, the limit of the format itself.
MAX_HEADER_BYTES: Final = 100_000_000
#: Bytes of one number of each type.
DTYPE_BYTES: Final = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1,
    "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}  # fmt: skip
_LENGTH: Final = struct.Struct("<Q")


class BrokenModel(ValueError):
    """Raised when a file is not a complete safetensors file; names the reason."""


class ModelType(Enum):
    """Kind of a model; the value is its name for users."""

    SD15 = "SD 1.5 checkpoint"
    SD2 = "SD 2 checkpoint"
    SDXL = "SDXL checkpoint"
    CHECKPOINT = "checkpoint"
    LORA = "LoRA"
    VAE = "VAE"
    CONTROLNET = "ControlNet"
    UPSCALER = "upscaler"
    EMBEDDING = "embedding"
    DIFFUSION_MODEL = "diffusion model"
    TEXT_ENCODER = "text encoder"
    CLIP_VISION = "CLIP vision"
    STYLE_MODEL = "style model"
    GLIGEN = "GLIGEN"
    AUDIO_ENCODER = "audio encoder"

    @property
    def folder(self) -> str:
        """Folder of such models in the model bucket. Both engines read those that the Web UI has."""
        return _FOLDERS.get(self, "Stable-diffusion")


_FOLDERS: Final = {
    ModelType.LORA: "Lora",
    ModelType.VAE: "VAE",
    ModelType.CONTROLNET: "ControlNet",
    ModelType.UPSCALER: "ESRGAN",
    ModelType.EMBEDDING: "embeddings",
    ModelType.DIFFUSION_MODEL: "diffusion_models",
    ModelType.TEXT_ENCODER: "text_encoders",
    ModelType.CLIP_VISION: "clip_vision",
    ModelType.STYLE_MODEL: "style_models",
    ModelType.GLIGEN: "gligen",
    ModelType.AUDIO_ENCODER: "audio_encoders",
}


#: Folders of all kinds that the Web UI reads.
MODEL_FOLDERS: Final = frozenset(type_.folder for type_ in ModelType) & frozenset(WEBUI_MODEL_FOLDERS)
#: Ending of files in this format.
SAFETENSORS: Final = ".safetensors"

#: Prefixes of the keys of a kind, and parts of its keys.
_MARKS: Final = (
    (ModelType.LORA, (), (".lora_down.", ".lora_A.", ".hada_w1_a", ".lokr_w")),
    (ModelType.CONTROLNET, ("control_model.", "controlnet_", "input_hint_block."), ()),
    (ModelType.VAE, ("first_stage_model.", "encoder.conv_in.", "decoder.conv_in.", "decoder.upsamples."), ()),
    (ModelType.GLIGEN, ("position_net.",), ()),
    (ModelType.STYLE_MODEL, ("redux_up.", "style_embedding"), ()),
    (ModelType.AUDIO_ENCODER, ("wav2vec2.", "feature_extractor.conv_layers."), ()),
    (ModelType.CLIP_VISION, ("vision_model.", "visual.transformer."), ()),
    # T5, CLIP, and language models such as Qwen and Gemma.
    (ModelType.TEXT_ENCODER, ("encoder.block.0.", "text_model.", "model.layers.0.", "model.language_model."), ()),
    # Flux and HunyuanVideo, SD 3, Wan, Qwen-Image and LTX, Z-Image, Cosmos, and a UNet alone.
    (
        ModelType.DIFFUSION_MODEL,
        (
            *("double_blocks.0.", "joint_blocks.0.", "blocks.0.self_attn.", "transformer_blocks.0."),
            *("noise_refiner.0.", "net.blocks.", "blocks.block0.", "input_blocks.0.", "down_blocks.0."),
        ),
        (),
    ),
    (ModelType.UPSCALER, ("model.0.", "conv_first.", "body.0.", "params_ema."), ()),
)


class ModelHeader(BaseModel):
    """Facts in a header."""

    model_config = ConfigDict(frozen=True)

    #: None if the keys belong to no known kind.
    type: ModelType | None
    #: Type of most numbers.
    dtype: str
    tensors: int


def read_header(file: BinaryIO, size: int, *, max_bytes: int = MAX_HEADER_BYTES) -> ModelHeader:
    """Read and check the header, of at most `max_bytes`, of a file of `size` bytes; raises BrokenModel."""
    if size < _LENGTH.size:
        raise BrokenModel(f"it has {size} bytes, fewer than a header")
    (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
    if length > min(max_bytes, size - _LENGTH.size):
        raise BrokenModel(f"its header claims {length} bytes; the file is truncated, or not a safetensors file")
    try:
        header = json.loads(file.read(length))
    except (ValueError, RecursionError):
        raise BrokenModel("its header is not JSON") from None
    if not isinstance(header, dict):
        raise BrokenModel("its header is not an object")
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    if not tensors:
        raise BrokenModel("it holds no tensors")
    _check_offsets(tensors, size - _LENGTH.size - length)
    shapes = {name: entry["shape"] for name, entry in tensors.items()}
    dtypes = Counter[str]()
    for entry in tensors.values():
        dtypes[entry["dtype"]] += prod(entry["shape"])
    return ModelHeader(type=_type_of(shapes), dtype=dtypes.most_common(1)[0][0], tensors=len(tensors))


def _check_offsets(tensors: dict[str, Any], data_bytes: int) -> None:
    ranges = []
    for name, entry in tensors.items():
        match entry:
            case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(start), int(end)]}:
                pass
            case _:
                raise BrokenModel(f"tensor {name[:100]!r} is not described as it should be")
        if dtype not in DTYPE_BYTES or not all(type(side) is int and side >= 0 for side in shape):
            raise BrokenModel(f"tensor {name[:100]!r} has the type {dtype[:20]!r} and the shape {str(shape)[:100]}")
        if end - start != prod(shape) * DTYPE_BYTES[dtype] or start < 0:
            raise BrokenModel(f"tensor {name[:100]!r} does not have as many bytes as its shape needs")
        ranges.append((start, end))
    position = 0
    for start, end in sorted(ranges):
        if start != position:
            raise BrokenModel("its tensors overlap, or leave gaps")
        position = end
    if position != data_bytes:
        raise BrokenModel(f"its tensors need {position} bytes and it holds {data_bytes}: it is not whole, or too long")


def _type_of(shapes: dict[str, list[int]]) -> ModelType | None:
    """Return the kind of a model by its keys. Checkpoints are tested first, because they contain a VAE."""
    if any(name.startswith(("model.diffusion_model.", "conditioner.embedders.")) for name in shapes):
        return _checkpoint_type(shapes)
    for type_, starts, parts in _MARKS:
        if any(name.startswith(starts) or any(part in name for part in parts) for name in shapes):
            return type_
    return ModelType.EMBEDDING if set(shapes) <= {"emb_params", "clip_g", "clip_l"} else None


def _checkpoint_type(shapes: dict[str, list[int]]) -> ModelType:
    if any(name.startswith("conditioner.embedders.1.") for name in shapes):
        return ModelType.SDXL
    if any(name.startswith("cond_stage_model.model.") for name in shapes):
        return ModelType.SD2
    if any(name.startswith("cond_stage_model.transformer.") for name in shapes):
        return ModelType.SD15
    return ModelType.CHECKPOINT
