"""Clock that ends threads, because those of an agent never end and would reach the servers of later tests."""

import threading

from runtime_image.process.clock import AwsClock


class ThreadEnded(Exception):
    """Raised in a thread that sleeps after the end."""


class EndingClock(AwsClock):
    """Ends each thread that sleeps, once `has_ended` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.has_ended = threading.Event()

    def sleep(self, seconds: float) -> None:
        """Pause the calling thread, or end it."""
        if self.has_ended.wait(seconds):
            raise ThreadEnded
