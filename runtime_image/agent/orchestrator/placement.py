"""Waits of a replica before its first process, as its orchestrator shows them: for a node, and for the image."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

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
