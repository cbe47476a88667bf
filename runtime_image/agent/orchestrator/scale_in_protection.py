"""Scale-in protection: reports to the orchestrator in a separate thread, because a slow one must not delay a task."""

import threading
from collections.abc import Callable
from typing import Final

from runtime_image.agent.core.events import Event, MachineUnfit
from runtime_image.agent.orchestrator.orchestrator import Orchestrator, OrchestratorRefused
from runtime_image.process.clock import Clock
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import EventLog

#: Seconds without a task after which the replica counts as idle. Between two tasks of a steady trickle no report is
#: sent, because each is a write on the cluster's control plane.
IDLE_SECONDS: Final = 5.0
#: Seconds for which one protection is renewed. A replica under a steady backlog is never idle, and a deployment waits
#: for each protected replica.
PROTECTED_SECONDS: Final = 1_800.0
#: Seconds without protection after that. A stop in this time is graceful: the replica finishes its task.
UNPROTECTED_SECONDS: Final = 120.0
#: Seconds between two checks for the machine's end, of which AWS gives two minutes' notice.
CHECK_SECONDS: Final = 5.0
#: Seconds until a refused report is repeated.
RETRY_SECONDS: Final = 5.0


class ScaleInProtection:
    """The replica's state as the orchestrator knows it: working or idle."""

    def __init__(
        self, *, orchestrator: Orchestrator, clock: Clock, log: EventLog, post: Callable[[Event], None]
    ) -> None:
        self._orchestrator = orchestrator
        self._clock = clock
        self._log = log
        self._post = post
        self._busy = False
        #: Monotonic seconds since which there has been no task.
        self._idle_since = float("-inf")
        self._changed = threading.Event()
        self._reported: bool | None = None
        self._placement_logged: set[str] = set()
        self._reported_at = float("-inf")
        self._report_again_at = float("-inf")
        self._protected_since = float("-inf")
        self._unprotected_until = float("-inf")
        self._is_ending = False
        self._is_notice_unreadable = False

    def set_busy(self, *, busy: bool) -> None:
        """Record whether the agent holds a task; called by the loop."""
        if busy == self._busy:
            return
        if not busy:
            self._idle_since = self._clock.monotonic()
        self._busy = busy
        self._changed.set()

    def run(self) -> None:
        """Report and check for ever, in a separate thread."""
        while True:
            self.check(self._clock.monotonic())
            self._changed.wait(CHECK_SECONDS)
            self._changed.clear()

    def check(self, now: float) -> None:
        """Report a change, and check for the machine's end."""
        must_renew = self._orchestrator.renew_seconds is not None
        if must_renew and self._reported and now >= self._protected_since + PROTECTED_SECONDS:
            self._unprotected_until = now + UNPROTECTED_SECONDS
        busy = (self._busy or now < self._idle_since + IDLE_SECONDS) and now >= self._unprotected_until
        if now >= self._report_again_at and (busy is not self._reported or self._must_renew(busy=busy, now=now)):
            self._report(busy=busy, now=now)
        if not self._is_ending:
            self._check_notice()

    def _must_renew(self, *, busy: bool, now: float) -> bool:
        renew_seconds = self._orchestrator.renew_seconds
        return busy and renew_seconds is not None and now >= self._reported_at + renew_seconds

    def _report(self, *, busy: bool, now: float) -> None:
        try:
            placement = self._orchestrator.report(busy=busy)
        except Exception as error:  # noqa: BLE001 - a task is worth more than a report
            self._log_problem("orchestrator_not_informed", error, busy=busy)
            self._report_again_at = now + RETRY_SECONDS
            return
        # The orchestrator may know of the container's start only a moment after that.
        if new := {name: seconds for name, seconds in placement.items() if name not in self._placement_logged}:
            self._log.info("replica_placed", **new)
            self._placement_logged |= new.keys()
        if busy and not self._reported:
            self._protected_since = now
        self._reported, self._reported_at = busy, now
        self._log.debug("orchestrator_informed", busy=busy)

    def _check_notice(self) -> None:
        try:
            self._is_ending = self._orchestrator.is_ending()
        except Exception as error:  # noqa: BLE001 - the machine's end also comes with a signal
            if not self._is_notice_unreadable:
                # Logged once: where the notice cannot be read, every check fails.
                self._log_problem("notice_not_readable", error)
            self._is_notice_unreadable = True
            return
        self._is_notice_unreadable = False
        if self._is_ending:
            self._log.warning("capacity_ending")
            self._post(MachineUnfit(ExitCode.STOPPED))

    def _log_problem(self, event: str, error: Exception, **fields: object) -> None:
        if isinstance(error, OrchestratorRefused):
            self._log.warning(event, reason=str(error), **fields)
        else:
            self._log.error(event, error, **fields)
