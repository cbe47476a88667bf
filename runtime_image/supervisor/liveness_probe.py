"""Liveness probe of an idle Web UI; while it generates, the agent detects hangs."""

from dataclasses import dataclass
from typing import Final

from runtime_image.process.clock import Clock
from runtime_image.supervisor.container_status import ContainerStatus
from runtime_image.supervisor.events import WebUiUnresponsive
from runtime_image.supervisor.managed_process import StartedProcess
from runtime_image.supervisor.supervised_engine import SupervisedEngine

#: Seconds between two probes, and the same as a part of a short limit.
PROBE_SECONDS: Final = 10.0
PROBE_PART: Final = 0.2


@dataclass(frozen=True, kw_only=True)
class LivenessProbe:
    """Each run belongs to one process of the Web UI that has become ready, in a separate thread."""

    engine: SupervisedEngine
    status: ContainerStatus
    limit_seconds: float
    clock: Clock

    def run(self, child: StartedProcess) -> WebUiUnresponsive | None:
        """Return once an idle Web UI has not answered for the limit, or with None soon after its process has ended."""
        silent_since: float | None = None
        while child.is_running():
            self.clock.sleep(min(PROBE_SECONDS, PROBE_PART * self.limit_seconds))
            now = self.clock.monotonic()
            if not self.status.is_idle or self.engine.is_responsive(timeout_seconds=self.limit_seconds):
                silent_since = None
            elif silent_since is None:
                silent_since = now
            elif self.clock.monotonic() - silent_since >= self.limit_seconds and self.status.is_idle:
                return WebUiUnresponsive(child)
        return None
