"""The two clocks of a program, passed as one object so that tests can stop the time."""

import time


class Clock:
    """Real time."""

    def monotonic(self) -> float:
        """Return seconds that never jump, for durations and deadlines inside this process."""
        return time.monotonic()

    def now_ms(self) -> int:
        """Return epoch milliseconds, for what other machines compare."""
        return time.time_ns() // 1_000_000

    @property
    def skew_seconds(self) -> float:
        """Seconds by which the machine's clock is ahead of AWS's; 0 without a clock to compare it with."""
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Pause the calling thread."""
        time.sleep(seconds)
