"""Clock of unit tests."""

from runtime_image.process.clock import Clock


class StillClock(Clock):
    """A clock that moves only when a test moves it, or when a thread sleeps."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.offset_ms = 1_700_000_000_000

    def monotonic(self) -> float:
        return self.seconds

    def now_ms(self) -> int:
        return self.offset_ms + int(self.seconds * 1000)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
