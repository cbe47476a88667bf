"""Interface of orchestrators, and the waits of a replica before its first process: for a node, and for the image."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

#: Seconds by the reason of the wait.
Placement = Mapping[str, float]


def placement_of(pod: Mapping[str, Any]) -> Placement:
    """Return the `node_seconds` and `pull_seconds` of a pod's own start; a value that it does not show is left out.

    The pull includes the creation of the container. A restarted container does not show its first start.
    """
    status = pod.get("status", {})
    created = _time(pod.get("metadata", {}).get("creationTimestamp"))
    scheduled = next(
        (
            _time(condition.get("lastTransitionTime"))
            for condition in status.get("conditions", ())
            if condition.get("type") == "PodScheduled" and condition.get("status") == "True"
        ),
        None,
    )
    started = next(_starts(status), None)
    waits = {"node_seconds": (created, scheduled), "pull_seconds": (scheduled, started)}
    return {name: (end - begin).total_seconds() for name, (begin, end) in waits.items() if begin and end}


def placement_of_task(task: Mapping[str, Any]) -> Placement:
    """Return the `pull_seconds` of an ECS task's start, if an image was pulled; it does not show a wait for a node."""
    started, stopped = (_time(task.get(name)) for name in ("PullStartedAt", "PullStoppedAt"))
    return {"pull_seconds": (stopped - started).total_seconds()} if started and stopped else {}


def _starts(status: Mapping[str, Any]) -> Iterator[datetime | None]:
    for container in status.get("containerStatuses", ()):
        if not container.get("restartCount"):
            yield _time(container.get("state", {}).get("running", {}).get("startedAt"))


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


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
