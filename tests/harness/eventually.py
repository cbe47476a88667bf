"""Polling for an outcome of other processes."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

#: Seconds between two polls, at first and at most. In between it is a tenth of the time that has passed, because every
#: poll costs the polled programs a few milliseconds of CPU.
FIRST_PAUSE_SECONDS: Final = 0.02
LONGEST_PAUSE_SECONDS: Final = 0.2


def eventually(poll: Callable[[], T | None], what: str, seconds: float) -> T:
    """Return the first outcome of `poll` that is true; fail after `seconds`."""
    started_at = time.monotonic()
    while True:
        if found := poll():
            return found
        waited = time.monotonic() - started_at
        assert waited < seconds, f"{what} did not happen within {seconds:g} s"
        time.sleep(min(max(waited / 10, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS))
