"""The agent's names of the task repository."""

from contract.errors import DarkroomError
from task_store.lease import Lease as Claim
from task_store.lease import ProgressReport
from task_store.repository import TaskRepository

__all__ = ["Claim", "Ledger", "ProgressReport"]


class Ledger(TaskRepository):
    """Writes of one agent. Every method raises NotHeld if the record does not allow the write (any more)."""

    def check_held(self, claim: Claim) -> bool:
        """Check a lease; return True if its caller wants an interrupt."""
        return self.check_lease(claim)

    def hand_back(self, claim: Claim, *, due_at_ms: int, error: DarkroomError | None) -> None:
        """Release a claimed run to its queue; `due_at_ms` is the end of its `ttl`."""
        self.release(claim, next_check_at_ms=due_at_ms, error=error)

    def sign_of_life(self, replica: str, runtime: str) -> None:
        """Record that this replica is alive."""
        self.heartbeat(replica, runtime)
