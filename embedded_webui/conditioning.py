"""Turns prompts into what a model is steered by: chunks of 75 tokens, weighted, from one or two text encoders."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from embedded_webui.model_configs import CHUNK_TOKENS
from embedded_webui.prompt_syntax import Weighted, weighted_pieces

_TEXT_TOKENS: Final = CHUNK_TOKENS - 2


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What one prompt says: `text` is [1, tokens, width]; `pooled` is [1, width] for SDXL and None for SD 1.5."""

    text: Tensor
    pooled: Tensor | None


@dataclass(frozen=True)
class _Encoder:
    tokenizer: Any
    model: Any


class PromptEncoder:
    """Encodes prompts with the text encoders of one loaded pipeline."""

    def __init__(self, pipeline: Any, *, names: Sequence[tuple[str, str]]) -> None:
        self._encoders = [
            _Encoder(getattr(pipeline, tokenizer), getattr(pipeline, model)) for tokenizer, model in names
        ]
        self._two = len(self._encoders) > 1

    def encode(self, prompt: str, *, clip_skip: int, negative: bool = False) -> Condition:
        """Encode a prompt; `clip_skip` 1 takes the last layer's answer, 2 that of the one before it."""
        # SDXL was trained with nothing, rather than an empty prompt, as what to stay away from.
        if self._two and negative and not prompt:
            empty = self.encode(" ", clip_skip=clip_skip)
            pooled = None if empty.pooled is None else torch.zeros_like(empty.pooled)
            return Condition(text=torch.zeros_like(empty.text), pooled=pooled)
        pieces = weighted_pieces(prompt)
        texts, pooled = [], None
        for number, encoder in enumerate(self._encoders):
            text, pooled = self._encode(encoder, pieces, layer=self._layer(clip_skip), pads_with_zero=number > 0)
            texts.append(text)
        return Condition(text=torch.cat(texts, dim=-1), pooled=pooled)

    def _layer(self, clip_skip: int) -> int:
        layer = -clip_skip
        # SDXL reads the layer before the last, whatever is asked for.
        return -2 if self._two else layer

    def _encode(
        self, encoder: _Encoder, pieces: Sequence[Weighted], *, layer: int, pads_with_zero: bool
    ) -> tuple[Tensor, Tensor | None]:
        config = encoder.model.config
        padding = 0 if pads_with_zero else config.eos_token_id
        chunks = list(_chunks(pieces, lambda text: encoder.tokenizer(text, add_special_tokens=False).input_ids))
        states, pooled = [], None
        for tokens, weights in chunks:
            rest = _TEXT_TOKENS - len(tokens)
            ids = [config.bos_token_id, *tokens, config.eos_token_id, *[padding] * rest]
            answer = encoder.model(torch.tensor([ids], device=encoder.model.device), output_hidden_states=True)
            state = answer.last_hidden_state if layer == -1 else answer.hidden_states[layer]
            if layer != -1 and not self._two:
                state = getattr(encoder.model, "text_model", encoder.model).final_layer_norm(state)
            multipliers = torch.tensor([1.0, *weights, *[1.0] * (rest + 1)], device=state.device, dtype=state.dtype)
            weighted = state * multipliers[None, :, None]
            # The weights must not change how strong the whole prompt is.
            states.append(weighted * (state.abs().mean() / weighted.abs().mean()))
            if pooled is None:
                pooled = getattr(answer, "text_embeds", None)
        return torch.cat(states, dim=1), pooled


def same_length(conditions: Sequence[Condition], empty: Condition) -> list[Condition]:
    """Return the conditions with empty chunks added to the shorter ones, so that one call takes them together."""
    length = max(condition.text.shape[1] for condition in conditions)
    padded = []
    for condition in conditions:
        missing = (length - condition.text.shape[1]) // CHUNK_TOKENS
        text = torch.cat([condition.text, *[empty.text[:, :CHUNK_TOKENS]] * missing], dim=1)
        padded.append(Condition(text=text, pooled=condition.pooled))
    return padded


def _chunks(
    pieces: Sequence[Weighted], tokenize: Callable[[str], list[int]]
) -> Iterator[tuple[list[int], list[float]]]:
    """Yield tokens and weights of up to 75 tokens each, at least once."""
    tokens: list[int] = []
    weights: list[float] = []
    for piece in pieces:
        if piece.text is None:
            yield tokens, weights
            tokens, weights = [], []
            continue
        for token in tokenize(piece.text):
            if len(tokens) == _TEXT_TOKENS:
                yield tokens, weights
                tokens, weights = [], []
            tokens.append(token)
            weights.append(piece.weight)
    yield tokens, weights
