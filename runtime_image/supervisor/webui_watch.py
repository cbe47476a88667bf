"""Watch of one process of the Web UI: until it is ready for tasks, and then whether it answers and spares the disk."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from contract.errors import DarkroomError
from runtime_image.process.clock import Clock
from runtime_image.process.engine import UnknownModel
from runtime_image.process.logs import EventLog
from runtime_image.supervisor.container_status import ContainerStatus
from runtime_image.supervisor.engines import SupervisedEngine
from runtime_image.supervisor.events import CheckpointMissing, WebUiEvent, WebUiPrepared, WebUiUnsound
from runtime_image.supervisor.managed_process import StartedProcess

#: Seconds between two polls of a start. The agent's start waits for the last one.
POLL_SECONDS: Final = 0.1
#: Seconds between two probes, and the same as a part of a short limit. A disk of 1 GB/s receives 5 GB in between.
PROBE_SECONDS: Final = 5.0
PROBE_PART: Final = 0.2


@dataclass(frozen=True, kw_only=True)
class WebUiWatch:
    """Each run belongs to one process of the Web UI, in a separate thread."""

    engine: SupervisedEngine
    models_on_disk: threading.Event
    status: ContainerStatus
    #: Seconds without an answer after which an idle Web UI is unresponsive.
    limit_seconds: float
    clock: Clock
    event_log: EventLog

    def run(self, child: StartedProcess) -> Iterator[WebUiEvent]:
        """Yield how the start ended, and then why a Web UI that was ready must end. Return soon after the process."""
        event = self.prepare(child)
        yield event
        if isinstance(event, WebUiPrepared) and (trouble := self.probe(child)):
            yield trouble

    def prepare(self, child: StartedProcess) -> WebUiEvent:
        """Wait for the Web UI and prepare it. The event means nothing if the process has ended meanwhile."""
        started_at = self.clock.monotonic()
        while child.is_running() and not child.started.wait(POLL_SECONDS):
            pass
        self._await_ready(child)
        answered_at = self.clock.monotonic()
        while child.is_running() and not self.models_on_disk.wait(POLL_SECONDS):
            pass
        try:
            self.engine.prepare()
        except UnknownModel as error:
            return CheckpointMissing(child, error.message)
        except DarkroomError as error:
            return WebUiUnsound(child, "unusable", error.message)
        now = self.clock.monotonic()
        self.event_log.info(
            "webui_prepared",
            answered_after_seconds=round(answered_at - started_at, 3),
            ready_after_seconds=round(now - started_at, 3),
        )
        return WebUiPrepared(child)

    def probe(self, child: StartedProcess) -> WebUiUnsound | None:
        """Return the event once the Web UI must be replaced; None soon after its process has ended.

        An idle one must answer within the limit; while it generates, the agent detects hangs.
        """
        silent_since: float | None = None
        while child.is_running():
            self.clock.sleep(min(PROBE_SECONDS, PROBE_PART * self.limit_seconds))
            # The next process would be asked while it starts.
            if not child.is_running():
                return None
            if self.engine.exceeds_disk():
                return WebUiUnsound(child, "disk_limit")
            now = self.clock.monotonic()
            if not self.status.is_idle or self.engine.is_responsive(timeout_seconds=self.limit_seconds):
                silent_since = None
            elif silent_since is None:
                silent_since = now
            elif self.clock.monotonic() - silent_since >= self.limit_seconds and self.status.is_idle:
                return WebUiUnsound(child, "unhealthy")
        return None

    def _await_ready(self, child: StartedProcess) -> None:
        logged = ""
        while child.is_running():
            try:
                self.engine.check_ready()
            except DarkroomError as error:
                if error.message != logged:
                    logged = error.message
                    self.event_log.warning("engine_not_ready", reason=logged)
                self.clock.sleep(POLL_SECONDS)
            else:
                return
