"""The agent as the supervisor keeps it: running while the Web UI can work, and drained before that is restarted."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

from runtime_image.process.logs import EventLog
from runtime_image.supervisor.agent_status import AgentStatus
from runtime_image.supervisor.child import Child
from runtime_image.supervisor.kept_process import KeptProcess
from runtime_image.supervisor.report_file import read_report
from runtime_image.supervisor.restarts import Restarts

#: Has the agent receive nothing more, hand back what has not begun, bring what runs to its end however long that
#: takes, and exit.
DRAIN_SIGNAL = signal.SIGUSR1
#: Looks, a second apart, at which an agent that hangs has said nothing new: it writes its status once a second, and its
#: start takes seconds. Looks and not seconds: a container that was stopped as a whole has not hung.
SILENT_LOOKS: Final = 60


class Agent(KeptProcess):
    """Adds the agent's status file and its drain."""

    def __init__(self, *, start: Callable[[], Child], restarts: Restarts, status_file: Path, log: EventLog) -> None:
        super().__init__(start=start, restarts=restarts, log=log)
        self._status_file = status_file
        self._said_at: float | None = None
        self._silent_looks = 0

    def start_if_due(self, now: float) -> bool:
        """Start it unless it runs or pauses; tell whether it was started."""
        if self.child is None:
            # What the one before it wrote is none of its doing.
            self._status_file.unlink(missing_ok=True)
        if not super().start_if_due(now):
            return False
        self.in_service(now)
        self._said_at, self._silent_looks = None, 0
        return True

    def drain(self) -> None:
        """Have it end once the tasks that it has begun are done."""
        if self.child:
            self.child.send(DRAIN_SIGNAL)

    def look(self) -> AgentStatus | None:
        """Return what it says of itself, None if it does not run or has said nothing."""
        status = read_report(self._status_file, AgentStatus) if self.child else None
        said_at = status.updated_at if status else None
        self._silent_looks = self._silent_looks + 1 if said_at == self._said_at else 0
        self._said_at = said_at
        return status

    @property
    def hangs(self) -> bool:
        """True after too many looks in a row at which it had said nothing new."""
        return self.child is not None and self._silent_looks >= SILENT_LOOKS
