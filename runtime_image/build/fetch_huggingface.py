"""Download of the files that the Web UI reads from Hugging Face's cache, at pinned revisions, into the folder HF_HOME.

Offline, it only checks that the Web UI would find them. It runs in the Web UI's Python, with the Web UI's packages.

usage: fetch_huggingface.py CLIP_REVISION BERT_REVISION
"""

import os
import sys
from pathlib import Path

import transformers

#: The Web UI builds SD 1.5's text encoder from the configuration. BLIP, behind `interrogate`, writes with BERT's words.
REPOSITORIES = {
    "openai/clip-vit-large-patch14": ("CLIPTokenizer", "CLIPTextConfig"),
    "bert-base-uncased": ("BertTokenizer",),
}


def main(*revisions: str) -> None:
    """Load each file as the Web UI does; raises OSError if one is missing."""
    offline = os.environ.get("HF_HUB_OFFLINE") == "1"
    for (repository, names), revision in zip(REPOSITORIES.items(), revisions, strict=True):
        for name in names:
            kind = getattr(transformers, name)
            # The Web UI names no revision.
            kind.from_pretrained(repository) if offline else kind.from_pretrained(repository, revision=revision)
        if not offline:
            _point_main_at(revision, repository)


def _point_main_at(revision: str, repository: str) -> None:
    references = Path(os.environ["HF_HOME"], "hub", f"models--{repository.replace('/', '--')}", "refs")
    references.mkdir(parents=True, exist_ok=True)
    (references / "main").write_text(revision)


if __name__ == "__main__":
    main(*sys.argv[1:])
