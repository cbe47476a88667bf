"""Monitor of the engine's progress: polls it, writes it to the running task, and asks for previews."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from contract.lease import ProgressReport
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.engine import Engine
from runtime_image.agent.core.events import Event, ProgressReceived
from runtime_image.agent.core.worker_pools import WorkerPools
from runtime_image.agent.generate.hang_detector import HangDetector
from runtime_image.agent.generate.outstanding_requests import OutstandingRequests
from runtime_image.agent.generate.progress_attribution import ProgressAttribution
from runtime_image.agent.intake.prefetch_window import PrefetchWindow
from runtime_image.process.clock import Clock
from runtime_image.process.engine import EngineFailed, Progress

#: Seconds between two polls while the engine works.
POLL_SECONDS: Final = 0.5
#: The same while the agent does not know which call an interrupt has cut, or how long a generation lasts.
CLOSE_POLL_SECONDS: Final = 0.05
#: Seconds between two polls with a preview: as often as progress is written.
PICTURE_SECONDS: Final = 2.0
#: A task is not done before it is stored.
MAX_PROGRESS_PERMILLE: Final = 999


class ProgressPoller:
    """Polls at the interval that the loop sets, in a separate thread."""

    def __init__(self, *, engine: Engine, clock: Clock, post: Callable[[Event], None]) -> None:
        self._engine = engine
        self._clock = clock
        self._post = post
        self._interval_seconds: float | None = None
        #: Ask for the preview as well, every PICTURE_SECONDS: the engine makes and encodes it for each question.
        self.wants_pictures = False
        self._pictured_at = float("-inf")
        self._changed = threading.Event()

    def set_interval(self, interval_seconds: float | None) -> None:
        """Poll this often; None stops the polls."""
        if interval_seconds != self._interval_seconds:
            self._interval_seconds = interval_seconds
            self._changed.set()

    def run(self) -> None:
        """Poll for ever."""
        while True:
            self._changed.wait(self._interval_seconds)
            if self._changed.is_set():
                # The interval has changed: begin a new one, so that short calls are never asked about.
                self._changed.clear()
                continue
            try:
                progress = self._poll()
            except EngineFailed:
                # The call under way will show what is wrong; a poll must not fail anything.
                continue
            self._post(ProgressReceived(progress))

    def _poll(self) -> Progress:
        now = self._clock.monotonic()
        with_picture = self.wants_pictures and now - self._pictured_at >= PICTURE_SECONDS
        if with_picture:
            self._pictured_at = now
        return self._engine.read_progress(with_picture=with_picture)


@dataclass(kw_only=True, eq=False)
class ProgressMonitor:
    """Changed by the loop only. `preview_job` names the job that stores a preview."""

    pools: WorkerPools
    outstanding: OutstandingRequests
    attribution: ProgressAttribution
    hang_detector: HangDetector
    poller: ProgressPoller
    prefetch_window: PrefetchWindow
    preview_job: str

    def received(self, progress: Progress, now: float) -> None:
        """Record the engine's progress for the running task."""
        self.hang_detector.received(progress, now)
        self.outstanding.received(progress, progress.asked_at)
        if running := self.attribution.task_of(progress):
            permille = max(running.progress.permille, min(int(progress.fraction * 1000), MAX_PROGRESS_PERMILLE))
            running.progress = ProgressReport(permille, progress.sampling, running.progress.preview_url)
            if progress.picture and self._wants_preview(running) and not running.preview_pending:
                running.preview_pending = True
                self.pools.run_job(self.preview_job, running, progress.picture)
            self.prefetch_window.foresee(running, progress.fraction, progress.asked_at)

    def preview_stored(self, task: ClaimedTask, url: str | None) -> None:
        """Record the URL of a preview; the next heartbeat writes it."""
        task.preview_pending = False
        if url is not None:
            task.progress = task.progress._replace(preview_url=url)

    def poll(self) -> None:
        """Set the poller's interval: closely while a generation's length, a cut or the running task is unknown."""
        if not self.outstanding.at_lock:
            self.poller.set_interval(None)
            return
        is_clear = self.outstanding.is_settled and self.prefetch_window.is_known and not self.attribution.is_awaited
        self.poller.set_interval(POLL_SECONDS if is_clear else CLOSE_POLL_SECONDS)
        self.poller.wants_pictures = any(map(self._wants_preview, self.outstanding.at_lock))

    def _wants_preview(self, task: ClaimedTask) -> bool:
        return task.metadata.policy.preview and self.attribution.is_sure_of(task)
