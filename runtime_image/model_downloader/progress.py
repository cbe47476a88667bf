"""How far a download is: counted by its threads, read by whoever tells people or machines."""

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

#: Seconds over which the rate is taken: long enough to be calm, short enough to show a stall.
WINDOW_SECONDS: Final = 10.0


@dataclass(frozen=True)
class ProgressSnapshot:
    """One look at a download."""

    files: int
    files_done: int
    bytes: int
    #: On disk, those of earlier downloads included.
    bytes_done: int
    #: Come over the network since the start.
    bytes_fetched: int
    bytes_per_second: float
    #: None while nothing comes.
    eta_seconds: float | None


class DownloadProgress:
    """Safe to use from several threads."""

    def __init__(self, *, files: int, total_bytes: int) -> None:
        self._lock = threading.Lock()
        self._files = files
        self._bytes = total_bytes
        self._files_done = 0
        self._bytes_done = 0
        self._bytes_fetched = 0
        self._looks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def fetched(self, count: int) -> None:
        """Count bytes that came over the network."""
        with self._lock:
            self._bytes_fetched += count
            self._bytes_done += count

    def found(self, count: int) -> None:
        """Count bytes that were on disk already; fewer than none if they turned out to be of no use."""
        with self._lock:
            self._bytes_done += count

    def file_done(self) -> None:
        """Count a file that is in its place."""
        with self._lock:
            self._files_done += 1

    def snapshot(self) -> ProgressSnapshot:
        """Return how far it is now."""
        now = time.monotonic()
        with self._lock:
            began_at, before = self._looks[0]
            rate = (self._bytes_fetched - before) / max(now - began_at, 0.001)
            self._looks.append((now, self._bytes_fetched))
            while len(self._looks) > 2 and now - self._looks[0][0] > WINDOW_SECONDS:  # noqa: PLR2004 - one before now
                self._looks.popleft()
            left = self._bytes - self._bytes_done
            return ProgressSnapshot(
                files=self._files,
                files_done=self._files_done,
                bytes=self._bytes,
                bytes_done=self._bytes_done,
                bytes_fetched=self._bytes_fetched,
                bytes_per_second=round(rate, 1),
                eta_seconds=round(left / rate, 1) if rate > 0 else None,
            )
