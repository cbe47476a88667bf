"""Web UI as a managed process: it is prepared after each start, and probed while it is ready."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runtime_image.process.threads import start_thread
from runtime_image.supervisor.container_metrics import ContainerMetrics
from runtime_image.supervisor.events import Event
from runtime_image.supervisor.managed_process import ManagedProcess, StartedProcess

#: Reason of a restart that the supervisor did not request.
ENDED: Final = "ended"
#: Reason of a restart after the end of the thread that works off ComfyUI's prompts.
BROKEN: Final = "broken"


@dataclass(kw_only=True, eq=False)
class WebUiProcess(ManagedProcess):
    """Each process gets a thread that posts the events of `watch`."""

    watch: Callable[[StartedProcess], Iterable[Event]]
    post: Callable[[Event], None]
    metrics: ContainerMetrics
    #: File that exists while the Web UI is ready, so that the agent sends nothing to one that starts.
    ready_file: Path
    is_ready: bool = field(default=False, init=False)
    _end_reason: str = field(default=ENDED, init=False)

    def start_if_due(self, now: float) -> bool:
        """Start and prepare the Web UI unless it runs or pauses. Return True if it was started."""
        if self.child is None:
            # An earlier supervisor may have left the file behind.
            self._set_ready(is_ready=False)
        if not super().start_if_due(now) or not (child := self.child):
            return False
        start_thread("webui-watch", lambda: self._watch(child), self.post)
        return True

    def mark_ready(self, child: StartedProcess, now: float) -> None:
        """Record that a process is ready, if it is the one that runs."""
        if child is self.child and not self.is_terminating:
            self._set_ready(is_ready=True)
            self.restart_policy.mark_healthy(now)

    def replace(self, child: StartedProcess | None, reason: str, now: float) -> None:
        """End a process, if it is the one that runs, so that another replaces it."""
        if child and child is self.child and not self.is_terminating:
            self.event_log.warning("webui_replaced", reason=reason)
            self._end_reason = reason
            self._set_ready(is_ready=False)
            self.terminate(now)

    def record_broken(self, status: int) -> None:
        """Record that ComfyUI is about to be restarted because it ended with its worker."""
        self.event_log.error("engine_broken", status=status)
        self._end_reason = BROKEN

    def record_end(self, now: float, *, was_requested: bool = False) -> bool:
        """Record the end. Return True if the Web UI may start again."""
        reason, self._end_reason = self._end_reason, ENDED
        self._set_ready(is_ready=False)
        may_start_again = super().record_end(now, was_requested=was_requested)
        if may_start_again:
            self.metrics.count_webui_restart(reason)
        return may_start_again

    def _set_ready(self, *, is_ready: bool) -> None:
        self.is_ready = is_ready
        if is_ready:
            self.ready_file.touch()
        else:
            self.ready_file.unlink(missing_ok=True)

    def _watch(self, child: StartedProcess) -> None:
        for event in self.watch(child):
            self.post(event)
