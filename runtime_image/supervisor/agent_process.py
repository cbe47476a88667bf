"""Agent as a managed process: it runs while the Web UI can work, and drains before the Web UI is replaced."""

import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runtime_image.process.status_file import AgentStatus, read_status_file
from runtime_image.supervisor.managed_process import ManagedProcess

#: Makes the agent receive no more tasks, release those that have not begun, finish the others however long they last,
#: and exit.
DRAIN_SIGNAL: Final = signal.SIGUSR1
#: Polls, a second apart, without a new status after which the agent hangs. It writes its status once a second, and its
#: start lasts seconds. Polls, not seconds, because a container that was paused as a whole has not hung.
MAX_SILENT_POLLS: Final = 60
#: Polls after which the container is not ready. A slow disk may hold the agent's loop up, but not for this long.
SILENT_POLLS: Final = 15


@dataclass(kw_only=True, eq=False)
class AgentProcess(ManagedProcess):
    """Adds the agent's status file and its drain."""

    status_file: Path
    #: Time of the file's last change, by the machine's clock as both processes see it.
    _changed_at_ns: int | None = field(default=None, init=False)
    _silent_polls: int = field(default=0, init=False)

    def start_if_due(self, now: float) -> bool:
        """Start the agent unless it runs or pauses. Return True if it was started."""
        if self.child is None:
            # The status of an earlier agent does not describe the next one.
            self.status_file.unlink(missing_ok=True)
        if not super().start_if_due(now):
            return False
        self.restart_policy.mark_healthy(now)
        self._changed_at_ns, self._silent_polls = None, 0
        return True

    def drain(self) -> None:
        """Make the agent end once the tasks that it has begun are done."""
        if self.child:
            self.child.send(DRAIN_SIGNAL, group=False)

    def poll_status(self) -> AgentStatus | None:
        """Return the agent's status, or None if it does not run or has written none."""
        status = read_status_file(self.status_file, AgentStatus) if self.child else None
        # Not a time inside it: a full disk takes no new content, and the agent's clock follows that of AWS.
        changed_at_ns = self._find_change()
        self._silent_polls = self._silent_polls + 1 if changed_at_ns == self._changed_at_ns else 0
        self._changed_at_ns = changed_at_ns
        return status

    @property
    def is_silent(self) -> bool:
        """Return True after some polls in a row without a new status."""
        return self.child is not None and self._silent_polls >= SILENT_POLLS

    @property
    def hangs(self) -> bool:
        """Return True after too many polls in a row without a new status."""
        return self.child is not None and self._silent_polls >= MAX_SILENT_POLLS

    def _find_change(self) -> int | None:
        try:
            return self.status_file.stat().st_mtime_ns
        except OSError:
            return None
