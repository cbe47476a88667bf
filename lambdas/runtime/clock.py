"""The time of day; handlers pass it on, so that what decides can be tested at any hour."""

import time


def now_ms() -> int:
    """Return the time in epoch milliseconds."""
    return time.time_ns() // 1_000_000
