"""How many replicas are missing and how many too many, as metric math of CloudWatch; tests evaluate it.

Names in the expressions: `waiting` and `in_flight` are the queue's messages, `desired` and `running` the tasks of the
service, `first_desired` and `first_running` those of the service that goes before it. All are measured at one moment
(`lambdas/measure_fleet`), so none needs to be filled in: a minute lacks all of them or none.
"""

from collections.abc import Sequence
from typing import Final

#: Changes of the number of replicas. A policy takes 20 steps at most, and each step takes effect at its own size:
#: small gaps are closed exactly, large ones by three quarters at least, the rest a cooldown later.
STEPS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024)


def missing_replicas(tasks_per_replica: int) -> str:
    """Return the replicas that the queue needs, less those that were asked for."""
    return f"CEIL((waiting + in_flight) / {tasks_per_replica}) - desired"


def spare_replicas(tasks_per_replica: int) -> str:
    """Return the replicas beyond need: each message in flight may be on a replica of its own, which is not spare."""
    return f"desired - (in_flight + CEIL(waiting / {tasks_per_replica}))"


def missing_substitutes() -> str:
    """Return the replicas that the first service asked for and does not get, less those that stand in for them."""
    return "IF(first_desired > first_running, first_desired - first_running, 0) - desired"


def spare_substitutes() -> str:
    """Return the replicas that stand in for none any more."""
    return "desired - IF(first_desired > first_running, first_desired - first_running, 0)"


def steps_up_to(maximum: int) -> Sequence[int]:
    """Return the steps that a service of at most so many replicas can take."""
    return tuple(step for step in STEPS if step <= maximum)
