"""Code blocks of the documents, which tests run as they are printed."""

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def code_blocks(document: str, language: str) -> list[str]:
    """Return the fenced blocks of a language in a document below docs/, in order."""
    text = (PROJECT / "docs" / document).read_text()
    return [body for name, body in re.findall(r"^ *```(\w+)\n(.*?)^ *```", text, re.M | re.S) if name == language]
