"""Terminal output of the local system: one line on standard error for each step of its start, run and stop."""

import sys
import time


class Console:
    """Prints lines with the seconds since the start."""

    def __init__(self) -> None:
        self._started_at = time.monotonic()

    def print(self, message: str) -> None:
        """Print a line."""
        seconds = time.monotonic() - self._started_at
        sys.stderr.write(f"[{seconds:6.1f} s] {message}\n")
        sys.stderr.flush()
