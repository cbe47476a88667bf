"""Keeps the orchestrator told, off the loop: an orchestrator that does not answer must not hold up a task."""

import threading
from collections.abc import Callable
from typing import Final

from runtime_image.agent.core.events import CapacityEnding, Event
from runtime_image.agent.orchestrator.orchestrator import Orchestrator, OrchestratorRefused
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog

#: Seconds without a task after which the replica counts as idle: between two tasks of a steady trickle nothing is
#: told, since each change is a write on the cluster's control plane.
IDLE_SECONDS: Final = 5.0
#: Seconds between two looks for the machine's end, of which AWS gives two minutes' notice.
LOOK_SECONDS: Final = 5.0
#: Seconds until what was refused is told again.
RETRY_SECONDS: Final = 5.0


class ScaleInProtection:
    """Whether the replica works, as the orchestrator knows it."""

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
        self._placement_said: set[str] = set()
        self._reported_at = float("-inf")
        self._report_again_at = float("-inf")
        self._is_ending = False
        self._cannot_look = False

    def set_busy(self, *, busy: bool) -> None:
        """Take from the loop whether a task is held."""
        if busy == self._busy:
            return
        if not busy:
            self._idle_since = self._clock.monotonic()
        self._busy = busy
        self._changed.set()

    def run(self) -> None:
        """Tell and look for ever; runs in a thread of its own."""
        while True:
            self.check(self._clock.monotonic())
            self._changed.wait(LOOK_SECONDS)
            self._changed.clear()

    def check(self, now: float) -> None:
        """Tell what has changed, and look for the machine's end."""
        busy = self._busy or now < self._idle_since + IDLE_SECONDS
        if now >= self._report_again_at and (busy is not self._reported or self._must_renew(busy=busy, now=now)):
            self._report(busy=busy, now=now)
        if not self._is_ending:
            self._look()

    def _must_renew(self, *, busy: bool, now: float) -> bool:
        renew_seconds = self._orchestrator.renew_seconds
        return busy and renew_seconds is not None and now >= self._reported_at + renew_seconds

    def _report(self, *, busy: bool, now: float) -> None:
        try:
            placement = self._orchestrator.report(busy=busy)
        except Exception as error:  # noqa: BLE001 - a task that could be done is worth more than what is told here
            self._say("orchestrator_not_told", error, busy=busy)
            self._report_again_at = now + RETRY_SECONDS
            return
        # The orchestrator may know of the container's start only a moment after that.
        if unsaid := {name: seconds for name, seconds in placement.items() if name not in self._placement_said}:
            self._log.info("replica_placed", **unsaid)
            self._placement_said |= unsaid.keys()
        self._reported, self._reported_at = busy, now
        self._log.debug("orchestrator_told", busy=busy)

    def _look(self) -> None:
        try:
            self._is_ending = self._orchestrator.is_ending()
        except Exception as error:  # noqa: BLE001 - the machine's end comes with a signal, too
            if not self._cannot_look:
                # Said once: where the notice cannot be looked for, every look fails.
                self._say("notice_not_readable", error)
            self._cannot_look = True
            return
        self._cannot_look = False
        if self._is_ending:
            self._log.warning("capacity_ending")
            self._post(CapacityEnding())

    def _say(self, event: str, error: Exception, **fields: object) -> None:
        if isinstance(error, OrchestratorRefused):
            self._log.warning(event, reason=str(error), **fields)
        else:
            self._log.error(event, error, **fields)
