"""Code blocks of README and docs/, which tests run or read as they are printed."""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]
_FENCED: Final = re.compile(r"^ *```([^\n`]*)\n(.*?)^ *```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """Fenced block of a document, without its indentation."""

    document: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """Return the blocks of these languages in all documents but the decisions, which are dated."""
    documents = [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")]
    names = sorted(str(path.relative_to(PROJECT)) for path in documents if path.parent.name != "decisions")
    return [block for name in names for block in _blocks(name) if block.language in languages]


def code_blocks(document: str, language: str) -> list[str]:
    """Return the text of the blocks of a language in a document below docs/, in order."""
    return [block.text for block in _blocks(f"docs/{document}") if block.language == language]


def _blocks(document: str) -> list[Block]:
    text = (PROJECT / document).read_text(encoding="utf-8")
    return [
        Block(document, text.count("\n", 0, match.start()) + 1, match[1], textwrap.dedent(match[2]))
        for match in _FENCED.finditer(text)
    ]
