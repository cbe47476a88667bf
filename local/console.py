"""What the person at the terminal sees while the local system starts, runs and stops: lines on standard error."""

import sys
import time


class Console:
    """Writes one line for each step, with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def print(self, message: str) -> None:
        """Write a line."""
        seconds = time.monotonic() - self._started
        sys.stderr.write(f"[{seconds:6.1f} s] {message}\n")
        sys.stderr.flush()
