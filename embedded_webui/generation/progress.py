"""Progress of the running generation, behind the routes `progress`, `interrupt` and `skip`."""

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from PIL import Image

#: Progress of a run before its first step; no run ever shows 1.
_FLOOR: Final = 0.01
_UNKNOWN_JOB_COUNT: Final = -1


@dataclass
class JobState:
    """The `state` of the answer to `progress`."""

    skipped: bool = False
    interrupted: bool = False
    stopping_generation: bool = False
    job: str = ""
    job_count: int = 0
    job_timestamp: str = ""
    job_no: int = 0
    sampling_step: int = 0
    sampling_steps: int = 0


class ProgressState(JobState):
    """State of the run that holds the queue, without a task id. Other requests read it and interrupt the run."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._clock = clock
        self._now = now
        self._started = 0.0
        self._preview_lock = threading.Lock()
        self._make_preview: Callable[[], Image.Image] | None = None
        self._preview_step = 0
        self._preview: Image.Image | None = None
        super().__init__(job_timestamp=self._timestamp())

    def begin(self, job: str) -> None:
        """Start a run: drop earlier interrupts, but keep `sampling_steps`, as the Web UI does."""
        self.end()
        self._started = self._clock()
        self.interrupted = self.skipped = False
        self.job, self.job_count, self.job_no = job, _UNKNOWN_JOB_COUNT, 0
        self.job_timestamp = self._timestamp()
        self.sampling_step = 0

    def end(self) -> None:
        """End the run: clear the job's name, count and preview, and keep the rest."""
        self.job, self.job_count = "", 0
        with self._preview_lock:
            self._make_preview = self._preview = None
            self._preview_step = 0

    def next_job(self) -> None:
        """Count one finished pass of the run."""
        self.job_no += 1
        self.sampling_step = self._preview_step = 0

    def step(self, number: int, make_preview: Callable[[], Image.Image]) -> None:
        """Start a step; `make_preview` makes a small image of the estimate when a request asks for one."""
        self.sampling_step = number
        with self._preview_lock:
            self._make_preview = make_preview

    def response(self, *, every_steps: int, wants_preview: bool) -> tuple[dict[str, Any], Image.Image | None]:
        """Return the body of `progress` without its image, and the preview of at most `every_steps` steps before."""
        progress = eta_relative = 0.0
        preview = None
        if self.job_count != 0:
            progress = _FLOOR
            if self.job_count > 0:
                progress += self.job_no / self.job_count
            if self.sampling_steps > 0:
                progress += self.sampling_step / self.sampling_steps / self.job_count
            elapsed = self._clock() - self._started
            eta_relative = elapsed / progress - elapsed if progress > 0 else 0.0
            progress = min(progress, 1.0)
            preview = self._latest_preview(every_steps) if wants_preview else None
        empty = {"current_image": None, "textinfo": None}
        return {"progress": progress, "eta_relative": eta_relative, "state": asdict(self), **empty}, preview

    def _latest_preview(self, every_steps: int) -> Image.Image | None:
        with self._preview_lock:
            if self._make_preview and every_steps > 0 and self.sampling_step - self._preview_step >= every_steps:
                self._preview = self._make_preview()
                self._preview_step = self.sampling_step
            return self._preview

    def _timestamp(self) -> str:
        return self._now().strftime("%Y%m%d%H%M%S")
