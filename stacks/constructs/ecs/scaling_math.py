"""How many replicas are missing and how many too many, as metric math of CloudWatch; tests evaluate it.

Names in the expressions: `waiting` and `in_flight` are the queue's messages, `accepted` tasks that got in within the
minute, `desired` and `running` the tasks of the service, `first_desired` and `first_running` those of the service that
goes before it.
"""

from collections.abc import Sequence
from typing import Final

#: Changes of the number of replicas. A policy takes 20 steps at most, and each step takes effect at its own size:
#: small gaps are closed exactly, large ones by three quarters at least, the rest a cooldown later.
STEPS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024)


def missing_replicas(tasks_per_replica: int) -> str:
    """Return the replicas that the queue needs, less those that were asked for.

    A queue that nobody has touched for six hours is measured again only after up to 15 minutes, so a task that was just
    accepted counts as a first one whatever the queue's own figures say.
    """
    backlog = f"CEIL((FILL(waiting, 0) + FILL(in_flight, 0)) / {tasks_per_replica})"
    needed = f"IF({backlog} > 0, {backlog}, IF(FILL(accepted, 0) > 0, 1, 0))"
    return f"{needed} - FILL(desired, 0)"


def spare_replicas(tasks_per_replica: int) -> str:
    """Return the replicas beyond need: each message in flight may be on a replica of its own, which is not spare.

    Without a figure of the service there is no answer, and so nothing is taken away.
    """
    return f"desired - (FILL(in_flight, 0) + CEIL(FILL(waiting, 0) / {tasks_per_replica}))"


def missing_substitutes() -> str:
    """Return the replicas that the first service asked for and does not get, less those that stand in for them."""
    return "IF(first_desired > first_running, first_desired - first_running, 0) - FILL(desired, 0)"


def spare_substitutes() -> str:
    """Return the replicas that stand in for none any more."""
    return "desired - IF(first_desired > first_running, first_desired - first_running, 0)"


def steps_up_to(maximum: int) -> Sequence[int]:
    """Return the steps that a service of at most so many replicas can take."""
    return tuple(step for step in STEPS if step <= maximum)
