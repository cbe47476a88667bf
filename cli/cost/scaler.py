"""Scaler of a simulated fleet: KEDA's rules on the queue's length add and remove replicas."""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from stacks.config import Scaling

#: Seconds between two decisions of the HorizontalPodAutoscaler, which KEDA leaves the numbers above one to.
DECISION_SECONDS: Final = 15
#: Part by which need and replicas must differ for the HorizontalPodAutoscaler to act.
TOLERANCE: Final = 0.1


@dataclass
class Scaler:
    """Decides how many replicas there should be. Keeps what it has asked for; the machines follow."""

    scaling: Scaling
    #: Whether tasks that are being worked on count as need (KEDA's `scaleOnInFlight`).
    counts_in_flight: bool = True
    wanted: int = 0
    #: Time and need of the decisions within the cooldown: what was needed then is kept.
    _needs: deque[tuple[float, int]] = field(default_factory=deque)

    def decide(self, now: float, *, waiting: int, in_flight: int) -> int:
        """Return the number of replicas wanted now."""
        scaling = self.scaling
        tasks = waiting + (in_flight if self.counts_in_flight else 0)
        need = math.ceil(tasks / scaling.tasks_per_replica)
        if self.wanted and need and abs(tasks / scaling.tasks_per_replica / self.wanted - 1) <= TOLERANCE:
            need = self.wanted
        need = min(max(need, scaling.min_replicas), scaling.max_replicas)
        self._needs.append((now, need))
        while self._needs[0][0] < now - scaling.cooldown_seconds:
            self._needs.popleft()
        self.wanted = max(need for _, need in self._needs)
        return self.wanted
