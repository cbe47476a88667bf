"""What the Web UI says of the picture that it makes now: the state behind `progress`, `interrupt` and `skip`."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from PIL import Image

#: What `progress` says of a run that has begun, before its first step; 1 is never said.
_FLOOR: Final = 0.01
#: Number of jobs of a run that does not know it yet.
_UNKNOWN: Final = -1


class ProgressState:
    """Written by the run that holds the queue, read and interrupted by any other request. It has no task id.

    Args:
        clock: Seconds that only grow.
        now: The time of day.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._clock = clock
        self._now = now
        self._started = 0.0
        self._preview_lock = threading.Lock()
        self._preview: Callable[[], Image.Image] | None = None
        self._preview_step = 0
        self._image: Image.Image | None = None
        self.interrupted = False
        self.skipped = False
        self.job = ""
        self.job_count = 0
        self.job_no = 0
        self.job_timestamp = self._timestamp()
        self.sampling_step = 0
        self.sampling_steps = 0

    def begin(self, job: str) -> None:
        """Start a run; interruptions of earlier ones are forgotten, `sampling_steps` is not (as in the Web UI)."""
        self._started = self._clock()
        self.interrupted = self.skipped = False
        self.job, self.job_count, self.job_no = job, _UNKNOWN, 0
        self.job_timestamp = self._timestamp()
        self.sampling_step = 0
        self._forget_preview()

    def end(self) -> None:
        """End the run: everything but the job's name and count stays as it was."""
        self.job, self.job_count = "", 0
        self._forget_preview()

    def next_job(self) -> None:
        """One pass of the run is over."""
        self.job_no += 1
        self.sampling_step = self._preview_step = 0

    def step(self, number: int, preview: Callable[[], Image.Image]) -> None:
        """One step of sampling begins; `preview` makes a small picture of what there is when somebody asks."""
        self.sampling_step = number
        with self._preview_lock:
            self._preview = preview

    def interrupt(self) -> None:
        """Stop the run that goes on now, whosever it is, after its step."""
        self.interrupted = True

    def skip(self) -> None:
        """Stop the pass that goes on now after its step."""
        self.skipped = True

    def answer(self, *, every_steps: int, preview_wanted: bool) -> tuple[dict[str, Any], Image.Image | None]:
        """Return the answer of `progress`, without its picture, and the latest preview.

        Args:
            every_steps: How many steps must have passed since the last preview was made.
            preview_wanted: Whether to make one at all.
        """
        progress = eta_relative = 0.0
        image = None
        if self.job_count != 0:
            progress = _FLOOR
            if self.job_count > 0:
                progress += self.job_no / self.job_count
            if self.sampling_steps > 0:
                progress += self.sampling_step / self.sampling_steps / self.job_count
            elapsed = self._clock() - self._started
            eta_relative = elapsed / progress - elapsed if progress > 0 else 0.0
            progress = min(progress, 1.0)
            image = self._latest_preview(every_steps) if preview_wanted else None
        body = {
            "progress": progress,
            "eta_relative": eta_relative,
            "state": {
                "skipped": self.skipped,
                "interrupted": self.interrupted,
                "stopping_generation": False,
                "job": self.job,
                "job_count": self.job_count,
                "job_timestamp": self.job_timestamp,
                "job_no": self.job_no,
                "sampling_step": self.sampling_step,
                "sampling_steps": self.sampling_steps,
            },
            "current_image": None,
            "textinfo": None,
        }
        return body, image

    def _latest_preview(self, every_steps: int) -> Image.Image | None:
        with self._preview_lock:
            if self._preview and every_steps > 0 and self.sampling_step - self._preview_step >= every_steps:
                self._image = self._preview()
                self._preview_step = self.sampling_step
            return self._image

    def _forget_preview(self) -> None:
        with self._preview_lock:
            self._preview = self._image = None
            self._preview_step = 0

    def _timestamp(self) -> str:
        return self._now().strftime("%Y%m%d%H%M%S")
