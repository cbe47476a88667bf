"""Status of the container as the loop last saw it, which /readyz, /healthz and /metrics report."""

from dataclasses import dataclass
from typing import Final

from runtime_image.process.status_file import AgentStatus

#: Seconds without a tick of the loop after which it counts as stuck. A tick starts a process at most.
STUCK_SECONDS: Final = 30.0


@dataclass
class ContainerStatus:
    """Written by the loop, read by the threads of the health server."""

    #: Monotonic seconds of the loop's last tick.
    ticked_at: float
    models_on_disk: bool = False
    webui_ready: bool = False
    webui_resident_bytes: int = 0
    agent_running: bool = False
    #: None until the agent has written one, and after it has ended.
    agent_status: AgentStatus | None = None
    #: True while the agent writes no new one.
    agent_silent: bool = False
    stopping: bool = False

    def is_alive(self, now: float) -> bool:
        """Return True if the loop ticks."""
        return now - self.ticked_at <= STUCK_SECONDS

    @property
    def is_idle(self) -> bool:
        """Return True if the agent holds no task that the Web UI may work on."""
        return self.agent_status is None or self.agent_status.held == 0

    def not_ready_reason(self) -> str | None:
        """Return what keeps the container from accepting tasks, or None if it is ready."""
        status = self.agent_status
        obstacles = (
            (self.stopping, "the container stops"),
            (not self.models_on_disk, "the models are being fetched"),
            (not self.webui_ready, "the Web UI is not ready"),
            (not self.agent_running, "the agent does not run"),
            (status is None, "the agent has not written its status yet"),
            (self.agent_silent, "the agent has fallen silent"),
            (status is not None and not status.ready, "the agent does not accept tasks"),
        )
        return next((reason for holds, reason in obstacles if holds), None)
