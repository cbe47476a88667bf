"""Training of the text encoder: it learns to answer questions about a scene from the caption."""

import random
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from embedded_webui.training.captions import caption_of
from embedded_webui.training.scenes import COLOURS, KINDS, SIZES, DrawnScene, random_scene

#: Tokens of a chunk of a prompt, and of most training captions: short ones are quicker.
LONG_PROMPT: Final = 77
_SHORT_PROMPT: Final = 28
_LONG_EVERY: Final = 4
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
    """The text encoder, and questions about the scene that are answered from its output.

    Args:
        encoder: The text encoder.
        tokenizer: Its tokenizer.
        reads_mean: The answers come from the mean of all tokens, and not from those that a question attends to. A
            U-Net that has learned nothing yet pays the same attention to each token, so it reads the mean from its
            first step on.
    """

    def __init__(self, encoder: Any, tokenizer: Any, *, reads_mean: bool = False) -> None:
        super().__init__()
        width = encoder.config.hidden_size
        self.encoder = encoder
        if not reads_mean:
            self.places = nn.Parameter(torch.randn(len(_PLACES) + 1, width))
            self.attention = nn.MultiheadAttention(width, _HEADS, batch_first=True)
        self.objects = nn.Linear(width, sum(_ANSWERS) * (len(_PLACES) if reads_mean else 1))
        self.background = nn.Linear(width, 2 * len(_COLOUR_NAMES))
        self._tokenizer, self._reads_mean = tokenizer, reads_mean

    def loss(self, step: int, *, related: float) -> Tensor:
        """Return the loss of the scenes and captions of a step; `related` is the smallest part with two objects."""
        source = random.Random(step)  # noqa: S311 - no secret
        scenes = [random_scene(source, is_related=number < related * _BATCH) for number in range(_BATCH)]
        captions = [caption_of(scene, source) for scene in scenes]
        length = LONG_PROMPT if self._reads_mean and step % _LONG_EVERY == 0 else _SHORT_PROMPT
        tokens = tokens_of(captions, self._tokenizer, length=length, source=source).to(self.background.weight.device)
        answers = torch.tensor([_answers(scene) for scene in scenes]).to(tokens.device)
        encoded = self.encoder(tokens).last_hidden_state
        if self._reads_mean:
            read = encoded.mean(dim=1, keepdim=True)
            about_places = self.objects(read).view(_BATCH, len(_PLACES), -1)
        else:
            read, _ = self.attention(self.places.expand(_BATCH, -1, -1), encoded, encoded, need_weights=False)
            about_places = self.objects(read[:, :-1])
        objects = about_places.split(_ANSWERS, dim=-1)
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
