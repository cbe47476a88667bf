"""How far ahead the agent may take tasks: enough that the GPU never waits, so little that no idle replica does."""

from collections.abc import Sequence
from typing import Final

from runtime_image.agent.held_task import HeldTask

#: Seconds of work that may be held when the next task is received: receiving, claiming, and fetching its inputs
#: must fit in, and no other replica could have begun the task any sooner.
HORIZON_SECONDS: Final = 3.0
#: Weight of the newest generation in the expected time of the next.
NEWEST_WEIGHT: Final = 0.3


class Pace:
    """Learns how long generations take on this machine."""

    def __init__(self) -> None:
        self._expected_seconds: float | None = None
        self._last_end = 0.0

    def generated(self, *, sent_at: float, ended_at: float) -> None:
        """Note one generation. One that was sent while another ran began when that one ended."""
        seconds = ended_at - max(sent_at, self._last_end)
        self._last_end = ended_at
        before = seconds if self._expected_seconds is None else self._expected_seconds
        self._expected_seconds = NEWEST_WEIGHT * seconds + (1 - NEWEST_WEIGHT) * before

    def has_room(self, *, in_flight: Sequence[HeldTask], ahead: int, now: float) -> bool:
        """Tell whether another task may be taken while these are at the Web UI and `ahead` wait for it."""
        if not in_flight and not ahead:
            return True
        if self._expected_seconds is None:
            return False
        running = in_flight[:1]
        began_at = max(running[0].sent_at, self._last_end) if running else now
        rest = max(0.0, self._expected_seconds - (now - began_at)) if running else 0.0
        waiting = len(in_flight) - len(running) + ahead
        return rest + waiting * self._expected_seconds <= HORIZON_SECONDS
