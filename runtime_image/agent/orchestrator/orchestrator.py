"""Interface of orchestrators, and the implementation for a process without one."""

from typing import Protocol

from runtime_image.agent.orchestrator.placement import Placement


class OrchestratorRefused(Exception):
    """Raised when an orchestrator accepts no report now; the report is repeated later."""


class Orchestrator(Protocol):
    """Called from one thread."""

    #: Seconds after which the same report must be repeated; None if it holds until it is changed.
    renew_seconds: float | None

    def report(self, *, busy: bool) -> Placement:
        """Report whether the replica works, so that idle replicas go first. Raises OrchestratorRefused.

        Returns the orchestrator's answer about the replica's own start, if it gave one.
        """

    def is_ending(self) -> bool:
        """Return True if the machine under the replica ends soon. Raises OrchestratorRefused."""


class NoOrchestrator:
    """A process without an orchestrator."""

    renew_seconds: float | None = None

    def report(self, *, busy: bool) -> Placement:  # noqa: ARG002 - the interface's
        """Do nothing."""
        return {}

    def is_ending(self) -> bool:
        """Return False."""
        return False
