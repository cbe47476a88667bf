"""The interface of what runs the replica, and the one for none."""

from typing import Protocol


class OrchestratorRefused(Exception):
    """Raised when an orchestrator cannot be told anything now; it is told again later."""


class Orchestrator(Protocol):
    """Called from one thread."""

    #: Seconds after which the same must be told again; None if it holds until it is changed.
    renew_seconds: float | None

    def tell(self, *, busy: bool) -> None:
        """Say whether the replica works, so that idle ones go first. Raises OrchestratorRefused."""

    def is_ending(self) -> bool:
        """Tell whether the machine under the replica will be taken away soon. Raises OrchestratorRefused."""


class NoOrchestrator:
    """A process that nobody scales."""

    renew_seconds: float | None = None

    def tell(self, *, busy: bool) -> None:
        """Say nothing to nobody."""

    def is_ending(self) -> bool:
        """Return False: nobody takes the machine away."""
        return False
