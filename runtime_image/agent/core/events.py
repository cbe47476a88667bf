"""Events for the loop, posted by the other threads and by signals."""

from dataclasses import dataclass

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.completion import AbandonReason
from runtime_image.agent.core.task_queue import ReceivedMessage
from runtime_image.process.engine import Progress
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.threads import ThreadFailed


@dataclass(frozen=True)
class MessagesReceived:
    """A receive call has ended; it may have brought no message, or failed."""

    messages: tuple[ReceivedMessage, ...]


@dataclass(frozen=True)
class MessageHandled:
    """A message needs no more work of the intake. It is a claimed task, or it was deleted, requeued or left alone."""

    task: ClaimedTask | None = None


@dataclass(frozen=True)
class TaskRedelivered:
    """A message came whose task this agent holds already: the same message again, or another of the same run."""

    key: tuple[str, str]
    message: ReceivedMessage


@dataclass(frozen=True)
class MessageRequeued:
    """A message that was not claimed is visible again."""


@dataclass(frozen=True)
class StageDone:
    """A stage has written its product into the task."""

    stage: str
    task: ClaimedTask


@dataclass(frozen=True)
class StageFailed:
    """A stage raised an error."""

    stage: str
    task: ClaimedTask
    error: Exception


@dataclass(frozen=True)
class ProgressWritten:
    """The progress was written. Without an answer from AWS the task still counts as this agent's."""

    task: ClaimedTask


@dataclass(frozen=True)
class LeasesChecked:
    """Records were read. Without an answer from AWS their tasks still count as this agent's."""

    #: Tasks whose callers want the picture as it is.
    interrupted: tuple[ClaimedTask, ...] = ()
    lost: tuple["TaskLost", ...] = ()


@dataclass(frozen=True)
class TaskLost:
    """The task is no longer this agent's."""

    task: ClaimedTask
    reason: AbandonReason


@dataclass(frozen=True)
class ProgressReceived:
    """The engine answered with its progress."""

    progress: Progress


@dataclass(frozen=True)
class PreviewStored:
    """A preview is in the output bucket; without a URL it could not be stored."""

    task: ClaimedTask
    url: str | None


@dataclass(frozen=True)
class InterruptSent:
    """An interrupt for the task went to the engine."""

    task: ClaimedTask
    #: False if the engine did not confirm it: it may never act on it, or at some later time.
    is_accepted: bool = True


@dataclass(frozen=True)
class EngineReady:
    """The engine answers and is idle."""


@dataclass(frozen=True)
class EngineNotReady:
    """The engine did not become ready in time, or the agent stops and no longer waits for it."""


@dataclass(frozen=True)
class MachineUnfit:
    """The machine ends within minutes (STOPPED), or AWS refuses every request because of its clock (CLOCK_WRONG)."""

    code: ExitCode


@dataclass(frozen=True)
class StopRequested:
    """SIGTERM or SIGINT; the second one hurries."""

    #: SIGUSR1: stop once everything that has begun is done, however long it takes.
    is_drain: bool = False


Event = (
    MessagesReceived
    | MessageHandled
    | TaskRedelivered
    | MessageRequeued
    | StageDone
    | StageFailed
    | ProgressWritten
    | LeasesChecked
    | TaskLost
    | ProgressReceived
    | PreviewStored
    | InterruptSent
    | EngineReady
    | EngineNotReady
    | MachineUnfit
    | StopRequested
    | ThreadFailed
)
