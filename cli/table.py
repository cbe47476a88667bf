"""Table in plain text, which cuts no value and knows no width of a terminal."""

from collections.abc import Sequence


def columns(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the rows below their titles, each column as wide as its longest value."""
    lines = [titles, *rows] if titles else rows
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
