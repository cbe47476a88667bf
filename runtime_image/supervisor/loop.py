"""The supervisor's one loop: takes events from all threads, and alone starts, ends and restarts the processes."""

import queue
from contextlib import suppress
from functools import singledispatchmethod
from typing import Final, NamedTuple

from runtime_image.process.clock import Clock
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import EventLog
from runtime_image.supervisor import events as on
from runtime_image.supervisor.agent import Agent
from runtime_image.supervisor.child import Child
from runtime_image.supervisor.condition import Condition
from runtime_image.supervisor.ending import Ending
from runtime_image.supervisor.metrics import Metrics
from runtime_image.supervisor.models import Models
from runtime_image.supervisor.webui import WebUi

#: Seconds between two rounds when nothing happens.
TICK_SECONDS: Final = 0.2
#: Seconds between two looks at the Web UI's memory and the agent's status.
LOOK_SECONDS: Final = 1.0
#: Seconds after which a drain is over: longer than nearly every task, and one that lasts goes back to the queue then.
DRAIN_SECONDS: Final = 3_600.0
#: Ends of the agent after which it is not started again: its machine is about to be taken away, or it cannot start.
_FINAL: Final = frozenset({ExitCode.STOPPED, ExitCode.INVALID_SETTINGS})


class Drain(NamedTuple):
    """The agent ends its tasks and itself, so that the Web UI can be replaced."""

    webui: Child | None
    reason: str
    ends_at: float


class Supervisor:
    """Runs in the main thread until it is told to stop or gives up."""

    def __init__(
        self,
        *,
        events: "queue.SimpleQueue[on.Event]",
        webui: WebUi,
        models: Models,
        agent: Agent,
        ending: Ending,
        condition: Condition,
        metrics: Metrics,
        start_deadline_seconds: float,
        memory_limit_bytes: int | None,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._events = events
        self._webui = webui
        self._models = models
        self._agent = agent
        self._ending = ending
        self._condition = condition
        self._metrics = metrics
        self._start_deadline_seconds = start_deadline_seconds
        self._memory_limit_bytes = memory_limit_bytes
        self._clock = clock
        self._log = log
        #: Since when the container cannot work, None while it can.
        self._not_ready_since: float | None = clock.monotonic()
        self._looked_at = float("-inf")
        self._drain: Drain | None = None

    def run(self) -> ExitCode:
        """Work until the end; returns what the container is to exit with."""
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - the exit code must say that the mistake is ours
            # The kernel ends the children with this process.
            self._log.error("supervisor_failed", error)
            return ExitCode.INTERNAL_ERROR
        for child in self._ending.left_behind():
            self._log.error("child_outlives_kill", child=child.name, pid=child.pid)
        code = self._ending.exit_code or ExitCode.STOPPED
        self._log.info("supervisor_stopped", exit_code=int(code), reason=code.name)
        return code

    def tick(self) -> None:
        """Do what time, not an event, makes necessary."""
        now = self._clock.monotonic()
        if self._ending.has_begun:
            self._ending.go_on(now)
        else:
            self._keep_running(now)
            self._end_what_does_not(now)
        self._condition.seen_at = now
        self._condition.models_on_disk = self._models.on_disk.is_set()
        self._condition.webui_ready = self._webui.is_ready
        self._condition.agent_running = self._agent.child is not None
        self._condition.stopping = self._ending.has_begun

    @singledispatchmethod
    def handle(self, event: object) -> None:
        """Take one event."""
        raise TypeError(event)

    @handle.register
    def _child_ended(self, event: on.ChildEnded) -> None:
        now = self._clock.monotonic()
        self._log.info("child_ended", child=event.child.name, status=event.status)
        if event.child is self._webui.child:
            self._webui_ended(now)
        elif event.child is self._agent.child:
            self._agent_ended(event.status, now)
        elif self._models.has(event.child) and (code := self._models.ended(event.status, now)) is not ExitCode.STOPPED:
            self._ending.begin(code, now)

    @handle.register
    def _webui_ready(self, event: on.WebUiReady) -> None:
        self._webui.prepared(event.child, self._clock.monotonic())

    @handle.register
    def _webui_unusable(self, event: on.WebUiUnusable) -> None:
        if event.child.running:
            self._log.warning("webui_unusable", reason=event.reason)
            self._webui.replace(event.child, "unusable", self._clock.monotonic())

    @handle.register
    def _webui_hangs(self, event: on.WebUiHangs) -> None:
        self._webui.replace(event.child, "unhealthy", self._clock.monotonic())

    @handle.register
    def _checkpoint_missing(self, event: on.CheckpointMissing) -> None:
        # What one that has ended did not know says nothing.
        if event.child.running:
            self._log.error("checkpoint_missing", reason=event.reason)
            self._ending.begin(ExitCode.MODEL_MISSING, self._clock.monotonic())

    @handle.register
    def _stop_requested(self, _: on.StopRequested) -> None:
        now, hurries = self._clock.monotonic(), self._ending.has_begun
        self._log.info("stop_requested", hurries=hurries)
        if hurries:
            self._ending.stop_agent(now)
        self._ending.begin(ExitCode.STOPPED, now)

    @handle.register
    def _thread_failed(self, event: on.ThreadFailed) -> None:
        self._log.error("thread_failed", event.error, thread=event.name)
        self._ending.begin(ExitCode.INTERNAL_ERROR, self._clock.monotonic())

    def _work(self) -> None:
        while not self._ending.is_over(self._clock.monotonic()):
            self.tick()
            with suppress(queue.Empty):
                self.handle(self._events.get(timeout=TICK_SECONDS))

    def _keep_running(self, now: float) -> None:
        self._models.start_if_due(now)
        self._webui.start_if_due(now)
        if self._webui.is_ready:
            self._not_ready_since = None
            self._agent.start_if_due(now)
        elif self._not_ready_since is None:
            self._not_ready_since = now
        elif now - self._not_ready_since > self._start_deadline_seconds:
            waiting_for = "webui" if self._models.on_disk.is_set() else "models"
            self._log.error("start_deadline_passed", seconds=self._start_deadline_seconds, waiting_for=waiting_for)
            self._ending.begin(ExitCode.START_DEADLINE_PASSED, now)
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._look(now)

    def _end_what_does_not(self, now: float) -> None:
        for process, code in ((self._webui, ExitCode.WEBUI_UNHEALTHY), (self._agent, ExitCode.INTERNAL_ERROR)):
            process.kill_if_overdue(now)
            if process.outlives_kill(now):
                # Nothing can take its place as long as it holds the GPU, the port or its tasks.
                self._ending.begin(code, now)

    def _look(self, now: float) -> None:
        """See whether the agent hangs, and whether the Web UI had better be restarted between two tasks."""
        size = self._condition.webui_resident_bytes = self._webui.resident_bytes()
        status = self._condition.agent_status = self._agent.look()
        if self._agent.hangs and not self._agent.is_ending:
            self._log.error("agent_hangs")
            self._agent.kill(now)
        if self._drain:
            if now >= self._drain.ends_at and not self._agent.is_ending:
                self._ending.stop_agent(now)
            return
        # Without a status the agent may not listen to the drain yet.
        if not self._webui.is_ready or status is None:
            return
        if status.out_of_memory:
            self._drain_for("out_of_memory", now)
        elif self._memory_limit_bytes and size > self._memory_limit_bytes:
            self._drain_for("memory_limit", now)

    def _drain_for(self, reason: str, now: float) -> None:
        self._log.warning("webui_restart_wanted", reason=reason, resident_bytes=self._condition.webui_resident_bytes)
        self._drain = Drain(self._webui.child, reason, ends_at=now + DRAIN_SECONDS)
        self._agent.drain()

    def _webui_ended(self, now: float) -> None:
        # The agent goes on: it hands back what ran, and waits for the next Web UI.
        if not self._webui.ended(now) and not self._ending.has_begun:
            self._log.error("webui_given_up")
            self._ending.begin(ExitCode.WEBUI_UNHEALTHY, now)

    def _agent_ended(self, status: int, now: float) -> None:
        drain, self._drain = self._drain, None
        is_for_webui = status == ExitCode.WEBUI_UNHEALTHY or (status == ExitCode.STOPPED and drain is not None)
        may_start_again = self._agent.ended(now, as_asked=is_for_webui)
        self._condition.agent_status = None
        if self._ending.has_begun:
            return
        if drain:
            self._webui.replace(drain.webui, drain.reason, now)
        elif is_for_webui:
            self._webui.replace(self._webui.child if self._webui.is_ready else None, "unhealthy", now)
        if is_for_webui:
            return
        if status in _FINAL:
            self._ending.begin(ExitCode(status), now)
        elif may_start_again:
            self._metrics.agent_restarted()
        else:
            self._log.error("agent_given_up")
            self._ending.begin(ExitCode.INTERNAL_ERROR, now)
