"""How the container is, as its loop last saw it: what /readyz, /healthz and /metrics tell."""

from dataclasses import dataclass
from typing import Final

from runtime_image.supervisor.agent_status import AgentStatus

#: Seconds without a round of the loop after which it counts as stuck. A round starts a process at most.
STUCK_SECONDS: Final = 30.0


@dataclass
class Condition:
    """Written by the loop, read by the threads of the health server."""

    #: Monotonic seconds of the loop's last round.
    seen_at: float
    models_on_disk: bool = False
    webui_ready: bool = False
    webui_resident_bytes: int = 0
    agent_running: bool = False
    #: None until the agent has written one, and after it has ended.
    agent_status: AgentStatus | None = None
    stopping: bool = False

    def is_alive(self, now: float) -> bool:
        """Tell whether the loop goes round."""
        return now - self.seen_at <= STUCK_SECONDS

    @property
    def is_idle(self) -> bool:
        """Tell whether nobody has taken a task that the Web UI may work on."""
        return self.agent_status is None or self.agent_status.held == 0

    def not_ready(self, now_epoch_seconds: float) -> str | None:
        """Return what keeps the container from taking tasks, None if nothing does."""
        status = self.agent_status
        obstacles = (
            (self.stopping, "the container stops"),
            (not self.models_on_disk, "the models are being fetched"),
            (not self.webui_ready, "the Web UI is not ready"),
            (not self.agent_running, "the agent does not run"),
            (status is None, "the agent has not written its status yet"),
            (status is not None and not status.is_fresh(now_epoch_seconds), "the agent has fallen silent"),
            (status is not None and not status.ready, "the agent does not take tasks"),
        )
        return next((reason for holds, reason in obstacles if holds), None)
