"""Waiting for what other processes do."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

#: Seconds between two looks, at first and at most. In between it is a tenth of what has passed: whatever takes long is
#: looked at less often, since every look costs the programs that are waited for a few milliseconds of the processor.
FIRST_PAUSE_SECONDS: Final = 0.02
LONGEST_PAUSE_SECONDS: Final = 0.2


def eventually(look: Callable[[], T | None], what: str, seconds: float) -> T:
    """Return what `look` finds, looking until the deadline."""
    started_at = time.monotonic()
    while True:
        if found := look():
            return found
        waited = time.monotonic() - started_at
        assert waited < seconds, f"{what} did not happen within {seconds:g} s"
        time.sleep(min(max(waited / 10, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS))
