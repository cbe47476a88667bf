"""Loop of the supervisor: it handles the events of all threads, and alone starts, ends and restarts the processes."""

import queue
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from runtime_image.process.clock import Clock
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import EventLog
from runtime_image.process.threads import ThreadFailed
from runtime_image.supervisor import events as on
from runtime_image.supervisor.agent_process import AgentProcess
from runtime_image.supervisor.container_metrics import ContainerMetrics
from runtime_image.supervisor.container_status import ContainerStatus
from runtime_image.supervisor.managed_process import StartedProcess
from runtime_image.supervisor.model_download import ModelDownload
from runtime_image.supervisor.shutdown import Shutdown
from runtime_image.supervisor.webui_process import WebUiProcess

#: Seconds between two ticks when no event comes.
TICK_SECONDS: Final = 0.2
#: Seconds between two inspections of the Web UI's memory and the agent's status.
INSPECTION_SECONDS: Final = 1.0
#: Seconds after which a drain is cut off: longer than nearly every task. A longer one goes back to the queue then.
DRAIN_SECONDS: Final = 3_600.0
#: Exit codes after which the agent is not started again: its machine is about to be withdrawn, or it cannot start.
_FINAL: Final = frozenset({ExitCode.STOPPED, ExitCode.CLOCK_WRONG, ExitCode.INVALID_SETTINGS})


class Drain(NamedTuple):
    """The agent ends its tasks and itself, so that the Web UI can be replaced."""

    webui: StartedProcess | None
    reason: str
    ends_at: float


@dataclass(kw_only=True, eq=False)
class Supervisor:
    """Runs in the main thread until it is asked to stop or has no way to continue."""

    events: "queue.SimpleQueue[on.Event]"
    webui: WebUiProcess
    models: ModelDownload
    agent: AgentProcess
    status: ContainerStatus
    metrics: ContainerMetrics
    start_deadline_seconds: float
    memory_limit_bytes: int | None
    clock: Clock
    event_log: EventLog
    #: Since when the container cannot work, None while it can.
    _not_ready_since: float | None = field(init=False)
    _inspected_at: float = field(default=float("-inf"), init=False)
    _drain: Drain | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.shutdown = Shutdown(agent=self.agent, webui=self.webui, models=self.models)
        self._not_ready_since = self.clock.monotonic()

    def run(self) -> ExitCode:
        """Work until the end. Returns the exit code of the container."""
        try:
            while not self.shutdown.has_finished(self.clock.monotonic()):
                self.tick()
                with suppress(queue.Empty):
                    self.handle(self.events.get(timeout=TICK_SECONDS))
        except Exception as error:  # noqa: BLE001 - the exit code must say that the mistake is ours
            # The kernel ends the children with this process.
            self.event_log.error("supervisor_failed", error)
            return ExitCode.INTERNAL_ERROR
        for child in self.shutdown.unkillable():
            self.event_log.error("child_unkillable", child=child.name, pid=child.pid)
        code = self.shutdown.exit_code or ExitCode.STOPPED
        self.event_log.info("supervisor_stopped", exit_code=int(code), reason=code.name)
        return code

    def tick(self) -> None:
        """Do what time, not an event, makes necessary."""
        now = self.clock.monotonic()
        if self.shutdown.has_begun:
            self.shutdown.advance(now)
        else:
            self._keep_running(now)
            self._kill_overdue(now)
        self.status.ticked_at = now
        self.status.models_on_disk = self.models.on_disk.is_set()
        self.status.webui_ready = self.webui.is_ready
        self.status.agent_running = self.agent.child is not None
        self.status.stopping = self.shutdown.has_begun

    def handle(self, event: on.Event) -> None:
        """Handle one event."""
        now = self.clock.monotonic()
        match event:
            case on.ChildEnded(child, status):
                self._record_end(child, status, now)
            case on.WebUiPrepared(child):
                self.webui.mark_ready(child, now)
            # The answer of a process that has ended proves nothing, here and below.
            case on.WebUiUnsound(child, reason, problem) if child.is_running():
                if problem:
                    self.event_log.warning("webui_unusable", reason=problem)
                self.webui.replace(child, reason, now)
            case on.CheckpointMissing(child, reason) if child.is_running():
                self.event_log.error("checkpoint_missing", reason=reason)
                self.shutdown.begin(ExitCode.MODEL_MISSING, now)
            case on.ShutdownRequested():
                self.event_log.info("stop_requested", hurries=self.shutdown.has_begun)
                if self.shutdown.has_begun:
                    self.agent.terminate(now)
                self.shutdown.begin(ExitCode.STOPPED, now)
            case ThreadFailed(name, error):
                self.event_log.error("thread_failed", error, thread=name)
                self.shutdown.begin(ExitCode.INTERNAL_ERROR, now)

    def _keep_running(self, now: float) -> None:
        self.models.start_if_due(now)
        self.webui.start_if_due(now)
        if self.webui.is_ready:
            self._not_ready_since = None
            self.agent.start_if_due(now)
        elif self._not_ready_since is None:
            self._not_ready_since = now
        elif now - self._not_ready_since > self.start_deadline_seconds:
            waiting_for = "webui" if self.models.on_disk.is_set() else "models"
            self.event_log.error("start_deadline_passed", seconds=self.start_deadline_seconds, waiting_for=waiting_for)
            self.shutdown.begin(ExitCode.START_DEADLINE_PASSED, now)
        if now - self._inspected_at >= INSPECTION_SECONDS:
            self._inspected_at = now
            self._inspect(now)

    def _kill_overdue(self, now: float) -> None:
        for process, code in ((self.webui, ExitCode.WEBUI_UNHEALTHY), (self.agent, ExitCode.INTERNAL_ERROR)):
            process.kill_if_overdue(now)
            if process.is_unkillable(now):
                # No other process can replace it as long as it holds the GPU, the port or its tasks.
                self.shutdown.begin(code, now)

    def _inspect(self, now: float) -> None:
        """Kill an agent that hangs, and drain it if the Web UI should restart between two tasks."""
        size = self.webui.child.resident_bytes() if self.webui.child else 0
        self.status.webui_resident_bytes = size
        agent_status = self.status.agent_status = self.agent.poll_status()
        self.status.agent_silent = self.agent.is_silent
        if self.agent.hangs and not self.agent.is_terminating:
            self.event_log.error("agent_hangs")
            self.agent.kill(now)
        if self._drain:
            if now >= self._drain.ends_at and not self.agent.is_terminating:
                self.agent.terminate(now)
        # An agent without a status may not listen to the drain yet.
        elif self.webui.is_ready and agent_status and agent_status.out_of_memory:
            self._drain_agent("out_of_memory", now)
        elif self.webui.is_ready and agent_status and self.memory_limit_bytes and size > self.memory_limit_bytes:
            self._drain_agent("memory_limit", now)

    def _drain_agent(self, reason: str, now: float) -> None:
        self.event_log.warning("webui_restart_wanted", reason=reason, resident_bytes=self.status.webui_resident_bytes)
        self._drain = Drain(self.webui.child, reason, ends_at=now + DRAIN_SECONDS)
        self.agent.drain()

    def _record_end(self, child: StartedProcess, status: int, now: float) -> None:
        self.event_log.info("child_ended", child=child.name, status=status)
        if child is self.webui.child:
            if status == ExitCode.INTERNAL_ERROR:
                self.webui.record_broken(status)
            # The agent runs on. It releases what ran, and waits for the next Web UI.
            if not self.webui.record_end(now) and not self.shutdown.has_begun:
                self.event_log.error("webui_restarts_exhausted")
                self.shutdown.begin(ExitCode.WEBUI_UNHEALTHY, now)
        elif child is self.agent.child:
            self._agent_ended(status, now)
        elif child is self.models.child and (code := self.models.record_exit(status, now)) is not ExitCode.STOPPED:
            self.shutdown.begin(code, now)

    def _agent_ended(self, status: int, now: float) -> None:
        drain, self._drain = self._drain, None
        is_for_webui = status == ExitCode.WEBUI_UNHEALTHY or (status == ExitCode.STOPPED and drain is not None)
        may_start_again = self.agent.record_end(now, was_requested=is_for_webui)
        self.status.agent_status = None
        if self.shutdown.has_begun:
            return
        if drain:
            self.webui.replace(drain.webui, drain.reason, now)
        elif is_for_webui:
            self.webui.replace(self.webui.child if self.webui.is_ready else None, "unhealthy", now)
        if is_for_webui:
            return
        if status in _FINAL:
            self.shutdown.begin(ExitCode(status), now)
        elif may_start_again:
            self.metrics.count_agent_restart()
        else:
            self.event_log.error("agent_restarts_exhausted")
            self.shutdown.begin(ExitCode.INTERNAL_ERROR, now)
