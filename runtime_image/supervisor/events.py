"""What can happen: every message that another thread or a signal has for the supervisor's loop."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # its threads post events
    from runtime_image.supervisor.child import Child


@dataclass(frozen=True)
class ChildEnded:
    """A process has ended, and what was left of its group has been killed."""

    child: "Child"
    #: Exit status, negative for a signal.
    status: int


@dataclass(frozen=True)
class WebUiReady:
    """The Web UI answers, knows its models and has loaded the one it serves."""

    child: "Child"


@dataclass(frozen=True)
class WebUiUnusable:
    """The Web UI answers but cannot be made ready."""

    child: "Child"
    reason: str


@dataclass(frozen=True)
class WebUiHangs:
    """The Web UI was ready and does not answer any more, though it has nothing to do."""

    child: "Child"


@dataclass(frozen=True)
class CheckpointMissing:
    """The Web UI does not have the checkpoint that the runtime serves."""

    child: "Child"
    reason: str


@dataclass(frozen=True)
class StopRequested:
    """SIGTERM or SIGINT; the second one hurries."""


@dataclass(frozen=True)
class ThreadFailed:
    """A thread failed by a mistake of ours."""

    name: str
    error: Exception


Event = ChildEnded | WebUiReady | WebUiUnusable | WebUiHangs | CheckpointMissing | StopRequested | ThreadFailed
