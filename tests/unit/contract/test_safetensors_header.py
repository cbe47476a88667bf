import contextlib
import io
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.safetensors_header import DTYPE_BYTES, BrokenModel, ModelHeader, ModelType, read_header

HALF = {"dtype": "F16", "shape": [2, 2], "data_offsets": [0, 8]}


def encoded(header: Any, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def read(content: bytes) -> ModelHeader:
    return read_header(io.BytesIO(content), len(content))


@pytest.mark.parametrize(
    ("keys", "type_", "folder"),
    [
        (["model.diffusion_model.x", "cond_stage_model.transformer.y"], ModelType.SD15, "Stable-diffusion"),
        (["model.diffusion_model.x", "cond_stage_model.model.y"], ModelType.SD2, "Stable-diffusion"),
        (["model.diffusion_model.x", "conditioner.embedders.1.model.y"], ModelType.SDXL, "Stable-diffusion"),
        (["model.diffusion_model.x", "first_stage_model.y"], ModelType.CHECKPOINT, "Stable-diffusion"),
        (["lora_unet_down.lora_down.weight"], ModelType.LORA, "Lora"),
        (["unet.attn.to_q.lora_A.weight"], ModelType.LORA, "Lora"),
        (["encoder.conv_in.weight", "decoder.conv_in.weight"], ModelType.VAE, "VAE"),
        (["control_model.input_hint_block.0.weight"], ModelType.CONTROLNET, "ControlNet"),
        (["model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight"], ModelType.UPSCALER, "ESRGAN"),
        (["emb_params"], ModelType.EMBEDDING, "embeddings"),
        (["clip_g", "clip_l"], ModelType.EMBEDDING, "embeddings"),
        (["decoder.upsamples.0.residual.0.gamma"], ModelType.VAE, "VAE"),
        (["double_blocks.0.img_attn.qkv.weight"], ModelType.DIFFUSION_MODEL, "diffusion_models"),
        (["joint_blocks.0.x_block.attn.qkv.weight"], ModelType.DIFFUSION_MODEL, "diffusion_models"),
        (["blocks.0.self_attn.q.weight"], ModelType.DIFFUSION_MODEL, "diffusion_models"),
        (["transformer_blocks.0.attn.to_q.weight"], ModelType.DIFFUSION_MODEL, "diffusion_models"),
        (["transformer_blocks.0.attn.to_q.lora_A.weight"], ModelType.LORA, "Lora"),
        (["noise_refiner.0.attention.qkv.weight"], ModelType.DIFFUSION_MODEL, "diffusion_models"),
        (["encoder.block.0.layer.0.SelfAttention.k.weight"], ModelType.TEXT_ENCODER, "text_encoders"),
        (["text_model.embeddings.token_embedding.weight"], ModelType.TEXT_ENCODER, "text_encoders"),
        (["model.layers.0.self_attn.q_proj.weight"], ModelType.TEXT_ENCODER, "text_encoders"),
        (["vision_model.encoder.layers.0.mlp.fc1.weight"], ModelType.CLIP_VISION, "clip_vision"),
        (["redux_up.weight", "redux_down.weight"], ModelType.STYLE_MODEL, "style_models"),
        (["position_net.null_positive_feature"], ModelType.GLIGEN, "gligen"),
        (["wav2vec2.encoder.layers.0.attention.k_proj.weight"], ModelType.AUDIO_ENCODER, "audio_encoders"),
        (["something"], None, None),
    ],
)
def test_the_kind_is_told_by_the_keys(keys: list[str], type_: ModelType | None, folder: str | None) -> None:
    tensors = {key: HALF | {"data_offsets": [number * 8, number * 8 + 8]} for number, key in enumerate(keys)}
    header = read(encoded({"__metadata__": {"format": "pt"}, **tensors}, bytes(8 * len(keys))))
    assert (header.type, header.dtype, header.tensors) == (type_, "F16", len(keys))
    assert (header.type.folder if header.type else None) == folder


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "fewer than a header"),
        (b"\xff" * 8, "claims"),
        (struct.pack("<Q", 1000) + b"{}", "claims 1000 bytes"),
        (struct.pack("<Q", 2) + b"{x", "not JSON"),
        (encoded([]), "not an object"),
        (encoded({}), "no tensors"),
        (encoded({"__metadata__": {}}), "no tensors"),
        (encoded({"a": HALF}, bytes(7)), "not whole"),
        (encoded({"a": HALF}, bytes(9)), "not whole, or too long"),
        (encoded({"a": HALF, "b": HALF}, bytes(8)), "overlap"),
        (encoded({"a": HALF | {"data_offsets": [8, 16]}}, bytes(16)), "gaps"),
        (encoded({"a": HALF | {"shape": [2, 3]}}, bytes(8)), "as many bytes"),
        (encoded({"a": HALF | {"shape": [-2, -2]}}, bytes(8)), "shape"),
        (encoded({"a": HALF | {"dtype": "F17"}}, bytes(8)), "type 'F17'"),
        (encoded({"a": {"dtype": "F16"}}, bytes(8)), "not described"),
        (encoded({"a": None}, bytes(8)), "not described"),
    ],
)
def test_a_header_that_lies_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(BrokenModel, match=words):
        read(content)


@given(st.binary(max_size=300))
def test_no_content_makes_anything_but_a_header_or_a_refusal(content: bytes) -> None:
    with contextlib.suppress(BrokenModel):
        read(content)


@given(
    st.dictionaries(
        st.text(min_size=1), st.tuples(st.sampled_from(sorted(DTYPE_BYTES)), st.lists(st.integers(0, 3), max_size=3))
    ).filter(lambda tensors: tensors and "__metadata__" not in tensors),
    st.data(),
)
def test_a_whole_file_is_read_and_a_truncated_one_is_not(
    tensors: dict[str, tuple[str, list[int]]], data: st.DataObject
) -> None:
    header, position = {}, 0
    for name, (dtype, shape) in tensors.items():
        size = DTYPE_BYTES[dtype]
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [position, position + size]}
        position += size
    content = encoded(header, bytes(position))
    assert read(content).tensors == len(tensors)
    with pytest.raises(BrokenModel):
        read(content[: data.draw(st.integers(0, len(content) - 1))])
