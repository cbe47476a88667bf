"""What the loop does for each held task every fraction of a second: lease, time limit, heartbeat, interrupt."""

from collections.abc import Callable
from typing import Final

from contract.errors import DarkroomError, ExecutionTimedOut
from runtime_image.agent.core.claimed_task import NO_PROGRESS, NOT_BEGUN, ClaimedTask, Stage
from runtime_image.agent.core.events import AbandonReason
from runtime_image.agent.core.worker_pools import WorkerPools
from runtime_image.agent.generate.hang_detector import HangDetector
from runtime_image.agent.generate.outstanding_requests import OutstandingRequests
from runtime_image.agent.generate.progress_attribution import ProgressAttribution
from runtime_image.agent.generate.progress_watch import CLOSE_LOOK_SECONDS, LOOK_SECONDS, ProgressWatch
from runtime_image.agent.intake.prefetch_window import PrefetchWindow
from runtime_image.webui.errors import WebUiHung
from runtime_image.webui.progress import Progress
from task_store.lease import ProgressReport

#: Seconds between two looks at a task's record: a cancelled task must be noticed within two.
HEARTBEAT_SECONDS: Final = 1.0
#: The same before its turn, when nothing is spent on it yet and each look is a call of AWS: within two seconds too,
#: with the loop's tick and a slow answer.
AHEAD_HEARTBEAT_SECONDS: Final = 1.5
#: Seconds between two progress writes of a task.
PROGRESS_SECONDS: Final = 2.0
#: Seconds for which the Web UI may go on with what was given up: a running step of the slowest sampler ends by then.
#: What shows no steps has as long as the Web UI may stand still: only between two pictures does it end.
STUCK_SECONDS: Final = 60.0
#: A task is not done before it is stored.
MAX_PROGRESS_PERMILLE: Final = 999

Abort = Callable[[ClaimedTask, DarkroomError | AbandonReason], None]


class TaskMonitor:
    """Changed by the loop only."""

    def __init__(
        self,
        *,
        pools: WorkerPools,
        outstanding: OutstandingRequests,
        attribution: ProgressAttribution,
        watch: ProgressWatch,
        prefetch_window: PrefetchWindow,
        hang_seconds: float,
    ) -> None:
        self._pools = pools
        self._outstanding = outstanding
        self._attribution = attribution
        self._watch = watch
        self._prefetch_window = prefetch_window
        self._standstill = HangDetector(limit_seconds=hang_seconds)
        self._hang_seconds = hang_seconds
        self._stuck_since: tuple[ClaimedTask, float] | None = None

    def check(self, task: ClaimedTask, now: float, abort: Abort) -> None:
        """Give up a task whose lease or time is over, and keep an eye on its record."""
        if task.stage is Stage.ENDING:
            return
        if now >= task.lease_until:
            abort(task, AbandonReason.LEASE_ENDED)
        elif now >= task.deadline:
            seconds = task.metadata.policy.execution_timeout_ms / 1000
            abort(task, ExecutionTimedOut(f"the task ran for longer than its executionTimeout of {seconds:g} s"))
        elif task.stage is not Stage.STORING:
            self._beat(task, now)

    def progress_received(self, progress: Progress, now: float) -> None:
        """Take how far the Web UI is."""
        self._standstill.seen(progress, now)
        self._outstanding.seen(progress, progress.asked_at)
        if running := self._attribution.task_of(progress):
            permille = min(int(progress.fraction * 1000), MAX_PROGRESS_PERMILLE)
            running.progress = ProgressReport(
                max(running.progress.permille, permille), progress.sampling, running.progress.preview_url
            )
            if progress.picture and self._wants_preview(running) and not running.preview_pending:
                running.preview_pending = True
                self._pools.store_preview(running, progress.picture)
            self._prefetch_window.foresee(running, progress.fraction, progress.asked_at)

    def preview_stored(self, task: ClaimedTask, url: str | None) -> None:
        """Note where a preview lies; the next report tells of it."""
        task.preview_pending = False
        if url is not None:
            task.progress = task.progress._replace(preview_url=url)

    def watch_progress(self) -> None:
        """Ask for progress while something runs; closely while it is unknown what to expect, what was cut, who runs."""
        if not self._outstanding.at_lock:
            self._watch.set_interval(None)
        else:
            is_clear = (
                self._outstanding.is_settled and self._prefetch_window.is_known and not self._attribution.is_awaited
            )
            self._watch.set_interval(LOOK_SECONDS if is_clear else CLOSE_LOOK_SECONDS)
            self._watch.want_pictures(wanted=any(map(self._wants_preview, self._outstanding.at_lock)))

    def interrupt_if_needed(self) -> None:
        """Interrupt the running request if its task was given up."""
        if task := self._outstanding.to_interrupt():
            self._outstanding.interrupting(task)
            self._pools.interrupt(task)

    def interrupt_sent(self, now: float, *, is_accepted: bool) -> None:
        """Note that an interrupt went to the Web UI."""
        self._outstanding.interrupt_sent(now, is_accepted=is_accepted)

    def webui_idle(self) -> None:
        """Take that the Web UI answers and does nothing."""
        self._outstanding.idle()

    def must_interrupt(self) -> bool:
        """Tell whether an interrupt is still to be sent, or on its way."""
        return self._outstanding.to_interrupt() is not None or self._outstanding.is_interrupting

    def is_stuck(self, now: float) -> bool:
        """Tell whether the Web UI has held on to a task that was given up for too long."""
        switching = self._outstanding.switching
        held = switching or next(iter(self._outstanding.tasks), None)
        if held is None or not held.aborted.is_set():
            self._stuck_since = None
            return False
        if self._stuck_since is None or self._stuck_since[0] is not held:
            self._stuck_since = (held, now)
        since = self._stuck_since[1]
        # What stands still for that long counts as hanging before it was given up, too.
        stuck_at = since + min(STUCK_SECONDS, self._hang_seconds)
        if not held.shows_steps or switching:
            stuck_at = max(stuck_at, (held.sent_at if switching else since) + self._hang_seconds)
        return now > stuck_at

    def hung(self, now: float) -> tuple[ClaimedTask, WebUiHung] | None:
        """Return the running task and its error if the Web UI hangs; it is asked for once."""
        if switching := self._outstanding.switching:
            seconds = now - switching.sent_at
            if switching.aborted.is_set() or seconds <= self._hang_seconds:
                return None
            return switching, WebUiHung(f"the Web UI could not be set up for the task in {seconds:.0f} s")
        running = next((task for task in self._outstanding.at_lock if task in self._outstanding.tasks), None)
        still_seconds = self._standstill.seconds(running, now)
        if running is None or still_seconds is None or running.aborted.is_set():
            return None
        where = f" at step {step}" if (step := running.progress.sampling.get("sampling_step")) else ""
        return running, WebUiHung(f"the Web UI's progress stood still for {still_seconds:.0f} s{where}")

    def _wants_preview(self, task: ClaimedTask) -> bool:
        return task.metadata.policy.preview and self._attribution.is_sure_of(task)

    def _beat(self, task: ClaimedTask, now: float) -> None:
        interval = AHEAD_HEARTBEAT_SECONDS if task.stage in NOT_BEGUN else HEARTBEAT_SECONDS
        if task.heartbeat_pending or now - task.heartbeat_at < interval:
            return
        task.heartbeat_pending = True
        task.heartbeat_at = now
        if task.stage in NOT_BEGUN:
            task.progress = _before_its_turn(task)
        if task.progress != task.written_progress and now - task.progress_written_at >= PROGRESS_SECONDS:
            task.written_progress, task.progress_written_at = task.progress, now
            self._pools.heartbeat(task, task.progress)
        else:
            self._pools.heartbeat(task, None)


def _before_its_turn(task: ClaimedTask) -> ProgressReport:
    if (fetching := task.fetching) is None:
        return NO_PROGRESS
    snapshot = fetching.snapshot()
    return NO_PROGRESS._replace(models={"bytes": snapshot.bytes, "bytes_done": snapshot.bytes_done})
