"""Events of the supervisor's loop: every message that a thread or a signal has for it."""

from dataclasses import dataclass

from runtime_image.process.threads import ThreadFailed
from runtime_image.supervisor.managed_process import StartedProcess


@dataclass(frozen=True)
class ChildEnded:
    """A process has ended, and the rest of its group has been killed."""

    child: StartedProcess
    #: Exit status, negative for a signal.
    status: int


@dataclass(frozen=True)
class WebUiPrepared:
    """The Web UI answers, knows its models and has loaded the one it serves."""

    child: StartedProcess


@dataclass(frozen=True)
class WebUiUnusable:
    """The Web UI answers but cannot be prepared."""

    child: StartedProcess
    reason: str


@dataclass(frozen=True)
class WebUiUnresponsive:
    """The Web UI was ready and does not answer any more, though it is idle."""

    child: StartedProcess


@dataclass(frozen=True)
class DiskLimitExceeded:
    """The engine's files take more of the disk than they may, and its workflow may go on to write."""

    child: StartedProcess


@dataclass(frozen=True)
class CheckpointMissing:
    """The Web UI does not have the checkpoint that the runtime serves."""

    child: StartedProcess
    reason: str


@dataclass(frozen=True)
class ShutdownRequested:
    """SIGTERM or SIGINT. The second one shortens the agent's time."""


WebUiEvent = WebUiPrepared | WebUiUnusable | WebUiUnresponsive | DiskLimitExceeded | CheckpointMissing
Event = ChildEnded | WebUiEvent | ShutdownRequested | ThreadFailed
