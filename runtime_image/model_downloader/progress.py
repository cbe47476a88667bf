"""Progress of a download, counted by its threads."""

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

#: Seconds over which the rate is averaged: long enough to be calm, short enough to show a stall.
WINDOW_SECONDS: Final = 10.0


@dataclass(frozen=True)
class ProgressSnapshot:
    """Progress of a download at one moment."""

    files: int
    files_done: int
    bytes: int
    #: On disk, those of earlier downloads included.
    bytes_done: int
    #: Received over the network since the start.
    bytes_fetched: int
    bytes_per_second: float
    #: None while no bytes arrive.
    eta_seconds: float | None


class DownloadProgress:
    """Safe to share between threads."""

    def __init__(self, *, files: int, total_bytes: int) -> None:
        self._lock = threading.Lock()
        self._files = files
        self._bytes = total_bytes
        self._files_done = 0
        self._bytes_done: dict[str, int] = {}
        self._bytes_fetched = 0
        self._samples: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def fetched(self, key: str, count: int) -> None:
        """Count bytes of a file that came over the network."""
        with self._lock:
            self._bytes_fetched += count
            self._bytes_done[key] = self._bytes_done.get(key, 0) + count

    def on_disk(self, key: str, count: int, *, is_done: bool = False) -> None:
        """Set the bytes of a file that are on disk; with `is_done`, the file is in its place."""
        with self._lock:
            self._bytes_done[key] = count
            self._files_done += is_done

    def snapshot(self) -> ProgressSnapshot:
        """Return the progress now."""
        now = time.monotonic()
        with self._lock:
            began_at, before = self._samples[0]
            rate = (self._bytes_fetched - before) / max(now - began_at, 0.001)
            self._samples.append((now, self._bytes_fetched))
            while len(self._samples) > 2 and now - self._samples[0][0] > WINDOW_SECONDS:  # noqa: PLR2004 - one before now
                self._samples.popleft()
            bytes_done = sum(self._bytes_done.values())
            return ProgressSnapshot(
                files=self._files,
                files_done=self._files_done,
                bytes=self._bytes,
                bytes_done=bytes_done,
                bytes_fetched=self._bytes_fetched,
                bytes_per_second=round(rate, 1),
                eta_seconds=round((self._bytes - bytes_done) / rate, 1) if rate > 0 else None,
            )
