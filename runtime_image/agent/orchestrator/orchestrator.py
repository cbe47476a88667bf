"""The interface of what runs the replica, and the one for none."""

from typing import Protocol

from runtime_image.agent.orchestrator.placement import Placement


class OrchestratorRefused(Exception):
    """Raised when an orchestrator cannot be told anything now; it is told again later."""


class Orchestrator(Protocol):
    """Called from one thread."""

    #: Seconds after which the same must be told again; None if it holds until it is changed.
    renew_seconds: float | None

    def report(self, *, busy: bool) -> Placement:
        """Say whether the replica works, so that idle ones go first. Raises OrchestratorRefused.

        Returns what the orchestrator answered about the replica's own start, if anything.
        """

    def is_ending(self) -> bool:
        """Tell whether the machine under the replica will be taken away soon. Raises OrchestratorRefused."""


class NoOrchestrator:
    """A process that nobody scales."""

    renew_seconds: float | None = None

    def report(self, *, busy: bool) -> Placement:  # noqa: ARG002 - the interface's
        """Say nothing to nobody."""
        return {}

    def is_ending(self) -> bool:
        """Return False: nobody takes the machine away."""
        return False
