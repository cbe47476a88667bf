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
class WebUiUnsound:
    """The Web UI must be replaced: it cannot be prepared, is idle and does not answer, or has filled its disk."""

    child: StartedProcess
    #: Reason of the restart in logs and metrics.
    reason: str
    #: The error of a preparation.
    problem: str = ""


@dataclass(frozen=True)
class CheckpointMissing:
    """The Web UI does not have the checkpoint that the runtime serves."""

    child: StartedProcess
    reason: str


@dataclass(frozen=True)
class ShutdownRequested:
    """SIGTERM or SIGINT. The second one shortens the agent's time."""


WebUiEvent = WebUiPrepared | WebUiUnsound | CheckpointMissing
Event = ChildEnded | WebUiEvent | ShutdownRequested | ThreadFailed
