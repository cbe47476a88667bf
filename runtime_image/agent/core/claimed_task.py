"""A task that this agent holds: the claimed record and the message that brought it, with how far it is."""

import threading
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from contract.message import TaskMessage
from contract.task import Metadata
from runtime_image.agent.intake.task_queue import ReceivedMessage
from runtime_image.agent.telemetry.timeline import Timeline
from runtime_image.model_downloader.progress import DownloadProgress
from runtime_image.webui.request import WebUiRequest
from task_store.lease import Lease, ProgressReport


class Stage(Enum):
    """Where a task is within the agent. Up to READY nothing has begun that could not be handed back untouched."""

    PREPARING = auto()
    READY = auto()
    GENERATING = auto()
    STORING = auto()
    ENDING = auto()


NO_PROGRESS: Final = ProgressReport(0, {})
NOT_BEGUN = frozenset({Stage.PREPARING, Stage.READY})


@dataclass(eq=False)
class ClaimedTask:
    """Only the loop changes `stage` and what follows it; worker threads read, and watch `given_up`."""

    message: ReceivedMessage
    lease: Lease
    task_message: TaskMessage
    #: How often the run has been claimed, this time included.
    attempt: int
    #: Monotonic seconds.
    claimed_at: float
    #: Monotonic seconds at which the lease ends unless it is renewed; the lease keeper writes it.
    lease_until: float
    #: Other messages of the same run that came meanwhile (SNS delivers at least once): kept and dealt with alike, so
    #: that none of them runs through its deliveries into the dead-letter queue while the task is being worked on.
    duplicates: list[ReceivedMessage] = field(default_factory=list)
    #: The download of its models while it waits for that; the worker that fetches them writes it.
    fetching: DownloadProgress | None = None
    stage: Stage = Stage.PREPARING
    request: WebUiRequest | None = None
    #: Later tasks that had their turn before, because their checkpoint was loaded.
    overtaken: int = 0
    #: Monotonic seconds at which the request went to the Web UI.
    sent_at: float = 0.0
    timeline: Timeline = field(default_factory=Timeline)
    progress: ProgressReport = NO_PROGRESS
    written_progress: ProgressReport = NO_PROGRESS
    #: Monotonic seconds of the last progress write.
    progress_written_at: float = float("-inf")
    heartbeat_at: float = 0.0
    heartbeat_pending: bool = False
    preview_pending: bool = False
    #: Its caller wants what there is of the picture by now; it is cut, and its result counts.
    is_interrupted: bool = False
    #: Set when the result must be thrown away.
    aborted: threading.Event = field(default_factory=threading.Event)
    #: Held while its outcome is being committed: a hand-back at the same time must not be told instead.
    committing: threading.RLock = field(default_factory=threading.RLock)
    #: Whether it has been told how it left.
    is_told: bool = False

    @property
    def receipt_handles(self) -> list[str]:
        """Handles of all its messages."""
        return [message.receipt_handle for message in (self.message, *self.duplicates)]

    @property
    def metadata(self) -> Metadata:
        """The task's metadata."""
        return self.task_message.task.metadata

    @property
    def must_be_cut(self) -> bool:
        """Whether the Web UI is to stop working on it."""
        return self.is_interrupted or self.aborted.is_set()

    @property
    def shows_steps(self) -> bool:
        """Whether the Web UI's progress moves with every step of it, and an interrupt ends it after a step."""
        return self.request is not None and self.request.generates

    @property
    def key(self) -> tuple[str, str]:
        """Id and run."""
        return self.lease.task_id, self.lease.run_id

    @property
    def deadline(self) -> float:
        """Monotonic seconds at which the task has run for too long."""
        return self.claimed_at + self.metadata.policy.execution_timeout_ms / 1000
