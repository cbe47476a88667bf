"""The Web UI as the supervisor keeps it: running, and made ready each time it has been started."""

import threading
from collections.abc import Callable

from runtime_image.process.logs import EventLog
from runtime_image.supervisor.child import Child
from runtime_image.supervisor.events import Event, ThreadFailed, WebUiReady
from runtime_image.supervisor.kept_process import KeptProcess
from runtime_image.supervisor.metrics import Metrics
from runtime_image.supervisor.restarts import Restarts

#: Why the Web UI was started again if nobody asked for it.
ENDED = "ended"


class WebUi(KeptProcess):
    """`prepare`, and `watch` once that has made it ready, are run for each process, in a thread of its own."""

    def __init__(
        self,
        *,
        start: Callable[[], Child],
        prepare: Callable[[Child], Event],
        watch: Callable[[Child], Event | None],
        post: Callable[[Event], None],
        restarts: Restarts,
        stop_seconds: float,
        metrics: Metrics,
        log: EventLog,
    ) -> None:
        super().__init__(start=start, restarts=restarts, log=log)
        self._prepare = prepare
        self._watch = watch
        self._post = post
        self._stop_seconds = stop_seconds
        self._metrics = metrics
        self._end_reason = ENDED
        self.is_ready = False

    def start_if_due(self, now: float) -> bool:
        """Start and prepare it unless it runs or pauses; tell whether it was started."""
        if not super().start_if_due(now) or not self.child:
            return False
        threading.Thread(target=self._look_after, args=(self.child,), name="webui-watch", daemon=True).start()
        return True

    def prepared(self, child: Child, now: float) -> None:
        """Note that a process is ready, if it is the one that runs."""
        if child is self.child and not self.is_ending:
            self.is_ready = True
            self.in_service(now)

    def replace(self, child: Child | None, reason: str, now: float) -> None:
        """End a process, if it is the one that runs, so that another takes its place."""
        if child and child is self.child and not self.is_ending:
            self._log.warning("webui_replaced", reason=reason)
            self._end_reason, self.is_ready = reason, False
            self.end(now, seconds=self._stop_seconds)

    def ended(self, now: float, *, as_asked: bool = False) -> bool:
        """Note its end; tell whether it may start again."""
        reason, self._end_reason, self.is_ready = self._end_reason, ENDED, False
        may_start_again = super().ended(now, as_asked=as_asked)
        if may_start_again:
            self._metrics.webui_restarted(reason)
        return may_start_again

    def resident_bytes(self) -> int:
        """Return the resident size of the Web UI, 0 if it does not run."""
        return self.child.resident_bytes() if self.child else 0

    def _look_after(self, child: Child) -> None:
        try:
            event = self._prepare(child)
            self._post(event)
            if isinstance(event, WebUiReady) and (trouble := self._watch(child)):
                self._post(trouble)
        except Exception as error:  # noqa: BLE001 - a thread's failure is an event, never a dead thread
            self._post(ThreadFailed("webui-watch", error))
