"""Ways to complete a task at this agent: with a final state, back to its queue, or abandoned for a reason."""

from dataclasses import dataclass
from enum import StrEnum

from contract.errors import DarkroomError
from contract.lease import LeaseLost, TaskCancelled
from contract.transitions import Outcome


class AbandonReason(StrEnum):
    """Reasons why a task is no longer this agent's."""

    #: Its sender cancelled it.
    CANCELLED = "cancelled"
    #: Another replica holds the lease, or the record is final or waits again.
    LEASE_LOST = "lease_lost"
    #: The lease could not be renewed before it ended.
    LEASE_EXPIRED = "lease_expired"
    #: SQS has deleted the message or made it visible again.
    MESSAGE_LOST = "message_lost"

    @classmethod
    def of(cls, error: LeaseLost) -> "AbandonReason":
        """Return the reason behind a refused write or a failed check of the lease."""
        return cls.CANCELLED if isinstance(error, TaskCancelled) else cls.LEASE_LOST


@dataclass(frozen=True)
class Release:
    """Back to the queue: at once without an error, otherwise after a delay."""

    error: DarkroomError | None = None
    #: Why a task without an error goes back, for the log.
    reason: str = ""


#: Ways to complete a task: with a final state, back to its queue, or abandoned.
Completion = Outcome | Release | AbandonReason
