"""Which bytes of a file are still to be fetched, and in which pieces."""

from collections.abc import Iterable
from typing import NamedTuple


class Range(NamedTuple):
    """Bytes from `start` up to, not including, `end`."""

    start: int
    end: int

    @property
    def header(self) -> str:
        """The value of HTTP's Range header."""
        return f"bytes={self.start}-{self.end - 1}"


def missing_ranges(size: int, finished: Iterable[Range]) -> list[Range]:
    """Return what of a file of `size` bytes none of the finished ranges covers, in order."""
    missing, position = [], 0
    for start, end in sorted(finished):
        if start > position:
            missing.append(Range(position, min(start, size)))
        position = max(position, end)
        if position >= size:
            return missing
    return [*missing, Range(position, size)] if position < size else missing


def split_ranges(ranges: Iterable[Range], max_bytes: int) -> list[Range]:
    """Cut ranges into pieces of at most `max_bytes`."""
    return [
        Range(start, min(start + max_bytes, whole.end))
        for whole in ranges
        for start in range(whole.start, whole.end, max_bytes)
    ]


def total_bytes(ranges: Iterable[Range]) -> int:
    """Return how many bytes ranges that do not overlap cover together."""
    return sum(end - start for start, end in ranges)
