"""Prompt embeddings with the Web UI's weights, in chunks of 75 tokens, from one or two text encoders.

diffusers' own `encode_prompt` cuts a prompt after 75 tokens and has no weights. Its pipelines accept these embeddings.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from embedded_webui.generation.prompt_syntax import Weighted, weighted_pieces
from embedded_webui.models.kinds import CHUNK_TOKENS

_TEXT_TOKENS: Final = CHUNK_TOKENS - 2


class Embedding(NamedTuple):
    """One prompt for the U-Net: `text` is [1, tokens, width]; `pooled` is [1, width] for SDXL, else None."""

    text: Tensor
    pooled: Tensor | None


class PromptEncoder:
    """Encodes prompts with the text encoders of one loaded pipeline."""

    def __init__(self, pipeline: Any) -> None:
        names = [name for name in ("text_encoder", "text_encoder_2") if name in pipeline.components]
        self._encoders = [
            (getattr(pipeline, name.replace("text_encoder", "tokenizer")), getattr(pipeline, name)) for name in names
        ]
        self._is_sdxl = len(self._encoders) > 1
        self._has_hooks = True

    def remove_hooks(self) -> None:
        """Leave out what the Web UI adds to the text encoder, as after a load that failed."""
        self._has_hooks = False

    def encode_pair(self, prompt: str, negative_prompt: str, *, clip_skip: int) -> dict[str, Tensor]:
        """Return the arguments of a pipeline for two prompts, of which the shorter one ends in empty chunks.

        `clip_skip` 1 reads the last layer of an SD 1.5 encoder, 2 the one before it.
        """
        encoded = {"": self._encode(prompt, clip_skip), "negative_": self._encode_negative(negative_prompt, clip_skip)}
        length = max(embedding.text.shape[1] for embedding in encoded.values())
        arguments = {}
        for prefix, (text, pooled) in encoded.items():
            missing = (length - text.shape[1]) // CHUNK_TOKENS
            padding = [self._encode("", clip_skip).text] * missing if missing else []
            arguments[f"{prefix}prompt_embeds"] = torch.cat([text, *padding], dim=1)
            if pooled is not None:
                arguments[f"{prefix}pooled_prompt_embeds"] = pooled
        return arguments

    def _encode_negative(self, prompt: str, clip_skip: int) -> Embedding:
        if prompt or not self._is_sdxl:
            return self._encode(prompt, clip_skip)
        # SDXL was trained with zeros, not with an empty prompt, as its empty negative prompt.
        text, pooled = self._encode(" ", clip_skip)
        return Embedding(torch.zeros_like(text), None if pooled is None else torch.zeros_like(pooled))

    def _encode(self, prompt: str, clip_skip: int) -> Embedding:
        pieces = weighted_pieces(prompt) if self._has_hooks else [Weighted(prompt, 1.0)]
        # SDXL always reads the layer before the last, and pads its second encoder with zeros.
        layer = -2 if self._is_sdxl else -clip_skip
        texts, pooled = [], None
        for number, (tokenizer, model) in enumerate(self._encoders):
            padding = 0 if number else model.config.eos_token_id
            text, pooled = self._encode_by(tokenizer, model, pieces, layer=layer, padding=padding)
            texts.append(text)
        return Embedding(torch.cat(texts, dim=-1), pooled)

    def _encode_by(
        self, tokenizer: Any, model: Any, pieces: Sequence[Weighted], *, layer: int, padding: int
    ) -> Embedding:
        config = model.config
        states, pooled = [], None
        for tokens, weights in _chunks(pieces, lambda text: tokenizer(text, add_special_tokens=False).input_ids):
            missing = _TEXT_TOKENS - len(tokens)
            ids = [config.bos_token_id, *tokens, config.eos_token_id, *[padding] * missing]
            output = model(torch.tensor([ids], device=model.device), output_hidden_states=True)
            state = output.last_hidden_state if layer == -1 else output.hidden_states[layer]
            if not self._has_hooks:
                state = output.hidden_states[-1]
            elif layer != -1 and not self._is_sdxl:
                state = getattr(model, "text_model", model).final_layer_norm(state)
            factors = torch.tensor([1.0, *weights, *[1.0] * (missing + 1)], device=state.device, dtype=state.dtype)
            weighted = state * factors[None, :, None]
            # The weights must not change how strong the whole prompt is.
            states.append(weighted * (state.abs().mean() / weighted.abs().mean()))
            if pooled is None:
                pooled = getattr(output, "text_embeds", None)
        return Embedding(torch.cat(states, dim=1), pooled)


def _chunks(
    pieces: Sequence[Weighted], tokenize: Callable[[str], list[int]]
) -> Iterator[tuple[list[int], list[float]]]:
    """Yield tokens and weights of up to 75 tokens each, at least once."""
    tokens: list[int] = []
    weights: list[float] = []
    for piece in pieces:
        for token in [None] if piece.text is None else tokenize(piece.text):
            if token is None or len(tokens) == _TEXT_TOKENS:
                yield tokens, weights
                tokens, weights = [], []
            if token is not None:
                tokens.append(token)
                weights.append(piece.weight)
    yield tokens, weights
