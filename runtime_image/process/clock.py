"""Clocks of a program, passed as one object so that tests can stop the time.

Other machines compare the times that a replica writes, such as the end of a lease, and its machine may have the wrong
time. AWS accepts requests from a clock that is five minutes wrong. So a replica's clock follows the answers of AWS;
otherwise a sweep would release the tasks of a healthy replica.
"""

import time
from collections import deque
from email.utils import parsedate_to_datetime
from typing import Final


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


#: Milliseconds up to which the machine's clock is believed, because the header `Date` has whole seconds only.
BELIEVED_SKEW_MS: Final = 2000
#: Seconds of skew beyond which AWS refuses each signature (IAM user guide, "Signature Version 4": five minutes).
MAX_SKEW_SECONDS: Final = 300.0
#: Answers that are compared. A slow answer shows too early a time, so the latest time of several is the best one.
ANSWERS: Final = 8


class AwsClock(Clock):
    """The machine's clock, or AWS's where the two differ by more than two seconds."""

    def __init__(self) -> None:
        # AWS's time less the monotonic clock, in milliseconds: a clock that somebody sets right is noticed at once.
        self._offsets_ms: deque[float] = deque(maxlen=ANSWERS)

    def answered(self, date: str) -> None:
        """Accept the header `Date` of an answer that has just arrived; a value that is no date is ignored."""
        try:
            sent_at_seconds = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        self._offsets_ms.append((sent_at_seconds - self.monotonic()) * 1000)

    def now_ms(self) -> int:
        """Return epoch milliseconds, for what other machines compare."""
        skew_ms = self.skew_seconds * 1000
        return super().now_ms() - (int(skew_ms) if abs(skew_ms) > BELIEVED_SKEW_MS else 0)

    @property
    def skew_seconds(self) -> float:
        """Seconds by which the machine's clock is ahead of AWS's; 0 before the first answer."""
        offsets_ms = tuple(self._offsets_ms)
        return super().now_ms() / 1000 - self.monotonic() - max(offsets_ms) / 1000 if offsets_ms else 0.0
