"""Output of the demo: whole lines on standard error, also in files and pipes, so that each can be copied."""

from typing import Final

from rich.console import Console

console: Final = Console(stderr=True)


def say(text: str) -> None:
    """Print `text` as it is: no markup, no line breaks at the terminal's width."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)
