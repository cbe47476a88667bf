"""Training of the text encoder: it learns to answer questions about a scene from the caption."""

import random
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from embedded_webui.training.captions import caption_of
from embedded_webui.training.scenes import COLOURS, KINDS, SIZES, DrawnScene, random_scene

#: Tokens of a training caption; the longer chunks of the Web UI are padded with the end token in the same way.
_TOKENS: Final = 28
_BATCH: Final = 64
#: Part of the captions with words that the model does not know, and the largest number of their tokens.
_UNKNOWN_WORDS: Final = 0.2
_MOST_UNKNOWN_TOKENS: Final = 8
#: Answer to a question that a scene leaves open.
_OPEN: Final = -100

_COLOUR_NAMES: Final = (None, *COLOURS)
_SIZE_NAMES: Final = (None, *SIZES)
_HEADS: Final = 4
#: Places of the image that are asked for an object, and the number of possible answers to each question about it.
_PLACES: Final = ("left of", "right of", "above", "below")
_ANSWERS: Final = (len(KINDS), len(_COLOUR_NAMES), len(_SIZE_NAMES), 2)
_OPPOSITE_PLACE: Final = {"left of": 1, "right of": 0, "above": 3, "below": 2}


class Reader(nn.Module):
    """The text encoder, and questions that read a scene from its output as the U-Net does: by attention."""

    def __init__(self, encoder: Any, tokenizer: Any) -> None:
        super().__init__()
        width = encoder.config.hidden_size
        self.encoder = encoder
        self.places = nn.Parameter(torch.randn(len(_PLACES) + 1, width))
        self.attention = nn.MultiheadAttention(width, _HEADS, batch_first=True)
        self.objects = nn.Linear(width, sum(_ANSWERS))
        self.background = nn.Linear(width, 2 * len(_COLOUR_NAMES))
        self._tokenizer = tokenizer

    def loss(self, step: int, *, related: float) -> Tensor:
        """Return the loss of the scenes and captions of a step; `related` is the smallest part with two objects."""
        source = random.Random(step)  # noqa: S311 - no secret
        scenes = [random_scene(source) for _ in range(_BATCH)]
        for number in range(int(related * _BATCH)):
            while not scenes[number].relation:
                scenes[number] = random_scene(source)
        captions = [caption_of(scene, source) for scene in scenes]
        tokens = tokens_of(captions, self._tokenizer, length=_TOKENS, source=source).to(self.places.device)
        answers = torch.tensor([_answers(scene) for scene in scenes]).to(self.places.device)
        encoded = self.encoder(tokens).last_hidden_state
        asked = self.places.expand(len(encoded), -1, -1)
        read, _ = self.attention(asked, encoded, encoded, need_weights=False)
        objects = self.objects(read[:, :-1]).split(_ANSWERS, dim=-1)
        background = self.background(read[:, -1]).split(len(_COLOUR_NAMES), dim=-1)
        logits = [*(part.reshape(-1, part.shape[-1]) for part in objects), *background]
        about_objects = len(_PLACES) * len(_ANSWERS)
        wanted = [
            *answers[:, :about_objects].reshape(-1, len(_ANSWERS)).unbind(1),
            *answers[:, about_objects:].unbind(1),
        ]
        pairs = zip(logits, wanted, strict=True)
        return torch.stack([cross_entropy(part, answer, ignore_index=_OPEN) for part, answer in pairs]).sum()


def tokens_of(captions: Sequence[str], tokenizer: Any, *, length: int, source: random.Random | None = None) -> Tensor:
    """Return the tokens of captions. A source adds unknown words to some of them."""
    rows = []
    for caption in captions:
        row = tokenizer(caption, add_special_tokens=False).input_ids
        if source and source.random() < _UNKNOWN_WORDS:
            row += [source.randrange(tokenizer.bos_token_id) for _ in range(source.randint(1, _MOST_UNKNOWN_TOKENS))]
        row = [tokenizer.bos_token_id, *row[: length - 2], tokenizer.eos_token_id]
        rows.append(row + [tokenizer.eos_token_id] * (length - len(row)))
    return torch.tensor(rows)


def _answers(scene: DrawnScene) -> list[int]:
    answers = [_OPEN] * len(_PLACES) * len(_ANSWERS)
    for number, item in enumerate(scene.objects):
        places: Sequence[int] = range(len(_PLACES))
        if scene.relation:
            places = [_PLACES.index(scene.relation) if number == 0 else _OPPOSITE_PLACE[scene.relation]]
        for place in places:
            start = place * len(_ANSWERS)
            answers[start : start + len(_ANSWERS)] = [
                KINDS.index(item.kind),
                _COLOUR_NAMES.index(item.colour),
                _SIZE_NAMES.index(item.size),
                int(item.wears_hat),
            ]
    colours = [*scene.background, None, None][:2]
    return [*answers, *(_COLOUR_NAMES.index(colour) for colour in colours)]
