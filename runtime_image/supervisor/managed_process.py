"""Process that the container needs: started, terminated with a deadline, and started again after a pause."""

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from runtime_image.process.logs import EventLog

#: Seconds before the first restart, and the longest pause. Each pause is twice the one before.
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 60.0
#: Seconds of healthy work after which the next end counts as the first in a row.
HEALTHY_SECONDS: Final = 300.0
#: Seconds after SIGKILL from which on a process that still exists counts as unkillable. The kernel itself holds it, as
#: it does while the driver of a GPU hangs, and no signal reaches it.
UNKILLABLE_SECONDS: Final = 10.0
_AT_ONCE: Final = 0.0


class ProcessUnavailable(Exception):
    """Raised when a process cannot be started yet, because its container does not answer."""


class StartedProcess(Protocol):
    """Running program as the supervisor sees it; `ChildProcess` is the real one."""

    name: str
    pid: int
    #: Set once its output says that its start has ended.
    started: threading.Event

    def is_running(self) -> bool:
        """Return True until the process has ended."""

    def send(self, number: signal.Signals, *, group: bool = True) -> None:
        """Send a signal to the process and all that it has started, or to the process alone."""

    def resident_bytes(self) -> int:
        """Return the memory of the process and all that it has started."""


@dataclass
class RestartPolicy:
    """Allows `limit` restarts in a row, after growing pauses. All times are monotonic seconds."""

    limit: int
    _ends_in_a_row: int = field(default=0, init=False)
    _healthy_since: float | None = field(default=None, init=False)

    def mark_healthy(self, now: float) -> None:
        """Record that the process does its work from now on."""
        self._healthy_since = now

    def record_end(self, now: float) -> float | None:
        """Return the seconds to wait before the next start, or None after too many ends in a row."""
        since, self._healthy_since = self._healthy_since, None
        if since is not None and now - since >= HEALTHY_SECONDS:
            self._ends_in_a_row = 0
        self._ends_in_a_row += 1
        if self._ends_in_a_row > self.limit:
            return None
        return float(min(FIRST_PAUSE_SECONDS * 2 ** (self._ends_in_a_row - 1), LONGEST_PAUSE_SECONDS))


@dataclass(kw_only=True, eq=False)
class ManagedProcess:
    """Changed by the loop only. All times are monotonic seconds."""

    start: Callable[[], StartedProcess]
    #: Seconds from SIGTERM to SIGKILL.
    stop_seconds: float
    restart_policy: RestartPolicy
    event_log: EventLog
    child: StartedProcess | None = field(default=None, init=False)
    _due_at: float | None = field(default=_AT_ONCE, init=False)
    _kill_at: float | None = field(default=None, init=False)
    _killed_at: float | None = field(default=None, init=False)
    #: Why the last start was not possible, so that the log has each reason once.
    _unavailable: str = field(default="", init=False)

    @property
    def is_terminating(self) -> bool:
        """Return True from the request to end until the end."""
        return self._kill_at is not None

    def start_if_due(self, now: float) -> bool:
        """Start the process unless it runs or pauses. Return True if it was started."""
        if self.child or self._due_at is None or now < self._due_at:
            return False
        try:
            self.child = self.start()
        except ProcessUnavailable as error:
            if str(error) != self._unavailable:
                self._unavailable = str(error)
                self.event_log.warning("child_not_started", reason=self._unavailable)
            self._due_at = now + FIRST_PAUSE_SECONDS
            return False
        self._unavailable = ""
        self.event_log.info("child_started", child=self.child.name, pid=self.child.pid)
        return True

    def record_end(self, now: float, *, was_requested: bool = False) -> bool:
        """Record the end. Return True if the process may start again: at once after a requested end, else paused."""
        self.child = self._kill_at = self._killed_at = None
        self._due_at = now
        if not was_requested:
            pause_seconds = self.restart_policy.record_end(now)
            self._due_at = None if pause_seconds is None else now + pause_seconds
        return self._due_at is not None

    def terminate(self, now: float) -> None:
        """Ask the process to end. A second request does not extend its time."""
        if self.child:
            self.child.send(signal.SIGTERM)
            if self._kill_at is None:
                self._kill_at = now + self.stop_seconds

    def kill_if_overdue(self, now: float) -> None:
        """Kill the process if its time to end has passed."""
        if self._kill_at is not None and now >= self._kill_at:
            self.kill(now)

    def kill(self, now: float) -> None:
        """Kill the process, once."""
        if self.child and self._killed_at is None:
            self._kill_at = self._killed_at = now
            self.event_log.warning("child_killed", child=self.child.name, pid=self.child.pid)
            self.child.send(signal.SIGKILL)

    def is_gone(self, now: float) -> bool:
        """Return True if the process has ended, or will never act again."""
        return self.child is None or self.is_unkillable(now)

    def is_unkillable(self, now: float) -> bool:
        """Return True if not even SIGKILL has ended the process."""
        return self._killed_at is not None and now - self._killed_at >= UNKILLABLE_SECONDS
