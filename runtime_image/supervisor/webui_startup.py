"""Startup of a Web UI: from its process to an engine that answers, sees its models and has loaded its own one."""

import threading
from dataclasses import dataclass
from typing import Final

from contract.errors import DarkroomError
from runtime_image.process.clock import Clock
from runtime_image.process.engine import UnknownModel
from runtime_image.process.logs import EventLog
from runtime_image.supervisor.events import CheckpointMissing, WebUiEvent, WebUiPrepared, WebUiUnusable
from runtime_image.supervisor.managed_process import StartedProcess
from runtime_image.supervisor.supervised_engine import SupervisedEngine

#: Seconds between two polls. The agent's start waits for the last one.
POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class WebUiStartup:
    """Each run belongs to one process of the Web UI, in a separate thread."""

    engine: SupervisedEngine
    models_on_disk: threading.Event
    clock: Clock
    event_log: EventLog

    def run(self, child: StartedProcess) -> WebUiEvent:
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
            return WebUiUnusable(child, error.message)
        now = self.clock.monotonic()
        self.event_log.info(
            "webui_prepared",
            answered_after_seconds=round(answered_at - started_at, 3),
            ready_after_seconds=round(now - started_at, 3),
        )
        return WebUiPrepared(child)

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
