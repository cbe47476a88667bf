"""A program that the container cannot do without: started, ended in time, and started again."""

from collections.abc import Callable
from typing import Final

from runtime_image.process.logs import EventLog
from runtime_image.supervisor.child import Child
from runtime_image.supervisor.restarts import Restarts

#: Seconds after SIGKILL from which on a process that is still there counts as gone: the kernel itself holds it, as it
#: does while the driver of a GPU hangs, and no signal reaches it.
GONE_SECONDS: Final = 10.0
_AT_ONCE: Final = 0.0


class KeptProcess:
    """Changed by the loop only; all times are monotonic seconds."""

    def __init__(self, *, start: Callable[[], Child], restarts: Restarts, log: EventLog) -> None:
        self._start = start
        self._restarts = restarts
        self._log = log
        self._due_at: float | None = _AT_ONCE
        self._kill_at: float | None = None
        self._killed_at: float | None = None
        self.child: Child | None = None

    @property
    def is_ending(self) -> bool:
        """True from the request to end until the end."""
        return self._kill_at is not None

    def start_if_due(self, now: float) -> bool:
        """Start it unless it runs or pauses; tell whether it was started."""
        if self.child or self._due_at is None or now < self._due_at:
            return False
        self.child = self._start()
        self._log.info("child_started", child=self.child.name, pid=self.child.pid)
        return True

    def in_service(self, now: float) -> None:
        """Note that it does its work now."""
        self._restarts.in_service(now)

    def ended(self, now: float, *, as_asked: bool = False) -> bool:
        """Note its end; tell whether it may start again: at once if it was asked to end, else after a pause."""
        self.child = self._kill_at = self._killed_at = None
        self._due_at = now
        if not as_asked:
            pause_seconds = self._restarts.ended(now)
            self._due_at = None if pause_seconds is None else now + pause_seconds
        return self._due_at is not None

    def end(self, now: float, *, seconds: float) -> None:
        """Ask it to end; it is killed after `seconds`, or earlier if it was asked before."""
        if self.child:
            self.child.terminate()
            kill_at = now + seconds
            self._kill_at = kill_at if self._kill_at is None else min(self._kill_at, kill_at)

    def kill_if_overdue(self, now: float) -> None:
        """Kill it if it should have ended by now."""
        if self._kill_at is not None and now >= self._kill_at:
            self.kill(now)

    def kill(self, now: float) -> None:
        """Kill it, once."""
        if self.child and self._killed_at is None:
            self._kill_at = self._killed_at = now
            self._log.warning("child_killed", child=self.child.name, pid=self.child.pid)
            self.child.kill()

    def is_gone(self, now: float) -> bool:
        """Tell whether it does not run, or never will do anything again."""
        return self.child is None or self.outlives_kill(now)

    def outlives_kill(self, now: float) -> bool:
        """Tell whether not even SIGKILL has ended it."""
        return self._killed_at is not None and now - self._killed_at >= GONE_SECONDS
