"""Clock of the functions. Handlers pass it to their services, so tests choose the time."""

import time


def now_ms() -> int:
    """Return the time in epoch milliseconds."""
    return time.time_ns() // 1_000_000
