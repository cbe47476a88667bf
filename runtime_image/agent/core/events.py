"""What can happen: every message that another thread or a signal has for the loop."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from runtime_image.process.threads import ThreadFailed

if TYPE_CHECKING:  # these modules' threads post events
    from runtime_image.agent.core.claimed_task import ClaimedTask
    from runtime_image.agent.intake.task_queue import ReceivedMessage
    from runtime_image.webui.progress import Progress
    from runtime_image.webui.request import WebUiRequest


class AbandonReason(Enum):
    """How a held task was lost."""

    #: The record is final, waits again, or is another agent's.
    RECORD = auto()
    #: SQS has the message visible again, or deleted.
    MESSAGE = auto()
    #: Neither could be renewed in time.
    LEASE_ENDED = auto()


@dataclass(frozen=True)
class MessagesReceived:
    """One receive call is over; it may have brought nothing, or failed."""

    messages: "tuple[ReceivedMessage, ...]"


@dataclass(frozen=True)
class TaskClaimed:
    """A message is a task, and the task is ours."""

    task: "ClaimedTask"


@dataclass(frozen=True)
class MessageSettled:
    """A message needs no more work here: deleted, given back, or left to reappear."""

    message: "ReceivedMessage"


@dataclass(frozen=True)
class TaskRedelivered:
    """A message came whose task this agent holds already: the same one again, or another of the same run."""

    key: tuple[str, str]
    message: "ReceivedMessage"


@dataclass(frozen=True)
class IntakeFailed:
    """A message could not be looked at, by a mistake of ours."""

    message: "ReceivedMessage"
    error: Exception


@dataclass(frozen=True)
class TaskPrepared:
    """The links are fetched and the request is built."""

    task: "ClaimedTask"
    request: "WebUiRequest"


@dataclass(frozen=True)
class TaskCarriedOut:
    """The agent itself has done what the task asks for; the Web UI has no such call."""

    task: "ClaimedTask"
    request: "WebUiRequest"
    answer: Any


@dataclass(frozen=True)
class CheckpointLoaded:
    """The Web UI has the task's checkpoint loaded."""

    task: "ClaimedTask"


@dataclass(frozen=True)
class OptionsPinned:
    """The Web UI will set the options that the task overrides back by itself."""

    task: "ClaimedTask"


@dataclass(frozen=True)
class TaskGenerated:
    """The Web UI has answered."""

    task: "ClaimedTask"
    answer: Any


@dataclass(frozen=True)
class StageFailed:
    """A step of a task failed."""

    task: "ClaimedTask"
    error: Exception


@dataclass(frozen=True)
class TaskEnded:
    """The task is final or handed back, and its message dealt with."""

    task: "ClaimedTask"


@dataclass(frozen=True)
class EndingFailed:
    """A task could not even be ended, by a mistake of ours; it is left to its lease."""

    task: "ClaimedTask"
    error: Exception


@dataclass(frozen=True)
class MessageRequeued:
    """A message that nobody looked at is visible again."""


@dataclass(frozen=True)
class HeartbeatDone:
    """The record was looked at; False if it is not ours any more. No answer from AWS counts as still ours."""

    task: "ClaimedTask"
    is_held: bool
    #: The caller wants what there is of the picture by now.
    is_interrupted: bool = False


@dataclass(frozen=True)
class TaskLost:
    """The task is not ours any more."""

    task: "ClaimedTask"
    reason: AbandonReason


@dataclass(frozen=True)
class ProgressReceived:
    """The Web UI told how far it is."""

    progress: "Progress"


@dataclass(frozen=True)
class PreviewStored:
    """A preview lies where callers get at it; None if it could not be stored."""

    task: "ClaimedTask"
    url: str | None


@dataclass(frozen=True)
class InterruptSent:
    """An interrupt that was meant for the task went to the Web UI."""

    task: "ClaimedTask"
    #: Whether the Web UI has taken it. If not, it may never do so, or at some later time.
    is_accepted: bool = True


@dataclass(frozen=True)
class WebUiReady:
    """The Web UI answers and has nothing to do."""


@dataclass(frozen=True)
class WebUiNeverReady:
    """The Web UI did not become ready in time, or is not awaited any more since the agent stops."""


@dataclass(frozen=True)
class CapacityEnding:
    """The machine will be taken away within minutes."""


@dataclass(frozen=True)
class StopRequested:
    """SIGTERM or SIGINT; the second one hurries."""


@dataclass(frozen=True)
class DrainRequested:
    """SIGUSR1: stop once everything that has begun is done, however long it takes."""


Event = (
    MessagesReceived
    | TaskClaimed
    | MessageSettled
    | TaskRedelivered
    | IntakeFailed
    | TaskPrepared
    | TaskCarriedOut
    | CheckpointLoaded
    | OptionsPinned
    | TaskGenerated
    | StageFailed
    | TaskEnded
    | EndingFailed
    | MessageRequeued
    | HeartbeatDone
    | TaskLost
    | ProgressReceived
    | PreviewStored
    | InterruptSent
    | WebUiReady
    | WebUiNeverReady
    | CapacityEnding
    | StopRequested
    | DrainRequested
    | ThreadFailed
)
