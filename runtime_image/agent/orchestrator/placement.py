"""How long the replica waited before its first process ran: for a node, and for the image on it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

#: Seconds by what was waited for.
Placement = Mapping[str, float]


def placement_of(pod: Mapping[str, Any]) -> Placement:
    """Return what a pod says of its own start: `node_seconds` and `pull_seconds`; what it does not say is left out.

    The pull includes the making of the container. A container that was restarted says nothing of its first start.
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
    """Return what ECS says of a task's start: `pull_seconds`, if an image was pulled; a wait for a node is not said."""
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
