"""A task that this agent has claimed: its lease, the messages that brought it, its products and its progress."""

import threading
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from contract.lease import Lease, ProgressReport
from contract.message import TaskMessage
from contract.task import Metadata
from contract.transitions import Outcome
from runtime_image.agent.core.completion import Completion
from runtime_image.agent.core.engine import EngineCall
from runtime_image.agent.core.task_queue import ReceivedMessage
from runtime_image.model_downloader.progress import DownloadProgress


class TaskPhase(Enum):
    """Phases of a task by its use of the engine. Up to READY it can be released as if it had never been claimed."""

    PREPARING = auto()
    #: Prepared, and waiting for the engine.
    READY = auto()
    GENERATING = auto()
    #: The answer is here and is stored.
    GENERATED = auto()
    #: The one completion of the task is decided; every later result is thrown away.
    COMPLETING = auto()


NO_PROGRESS: Final = ProgressReport(0, {})
NOT_BEGUN: Final = frozenset({TaskPhase.PREPARING, TaskPhase.READY})


@dataclass
class Timeline:
    """Monotonic seconds of a task's milestones, None before each; source of its metrics and its trace."""

    #: The inputs were fetched and the call was built.
    prepared_at: float | None = None
    #: The GPU began with it: it was sent, and the call before it had been answered.
    generating_at: float | None = None
    #: The engine answered.
    generated_at: float | None = None
    #: Seconds for which the engine had no call of this agent before this task.
    gpu_idle_seconds: float | None = None

    def generate_seconds(self) -> float | None:
        """Return the engine's time for it, encoding and transfer of the pictures included."""
        if self.generating_at is None or self.generated_at is None:
            return None
        return self.generated_at - self.generating_at


@dataclass(eq=False)
class ClaimedTask:
    """Only the loop changes `phase`, `stage` and the fields after them. A stage's worker writes the stage's product."""

    message: ReceivedMessage
    lease: Lease
    task_message: TaskMessage
    #: Number of claims of the run, this one included.
    attempt: int
    #: Monotonic seconds.
    claimed_at: float
    #: Monotonic seconds at which the lease ends unless it is renewed; the lease renewal writes it.
    lease_until: float
    #: Other messages of the same run that came meanwhile (SNS delivers at least once). They share the task's fate.
    #: Otherwise one of them could reach the dead-letter queue while the task is being worked on.
    duplicates: list[ReceivedMessage] = field(default_factory=list)
    #: The download of its models while it waits for them; the worker that fetches them writes it.
    fetching: DownloadProgress | None = None
    #: Product of the preparation. A task that the agent itself carried out has no call.
    call: EngineCall | None = None
    #: True if the preparation has carried the task out, so that it needs no engine.
    is_carried_out: bool = False
    #: Product of the generation, until it is stored.
    answer: object = None
    #: Product of the upload.
    outcome: Outcome | None = None
    phase: TaskPhase = TaskPhase.PREPARING
    #: Name of the stage that the task is in.
    stage: str = ""
    completion: Completion | None = None
    #: Later tasks that went first because their checkpoint was loaded.
    overtaken: int = 0
    #: Monotonic seconds at which the call went to the engine.
    sent_at: float = 0.0
    timeline: Timeline = field(default_factory=Timeline)
    progress: ProgressReport = NO_PROGRESS
    written_progress: ProgressReport = NO_PROGRESS
    #: Monotonic seconds of the last progress write.
    progress_written_at: float = float("-inf")
    progress_pending: bool = False
    preview_pending: bool = False
    #: Its caller wants the picture as it is: the call is cut, and its result counts.
    is_interrupted: bool = False
    #: Set when the result must be thrown away.
    aborted: threading.Event = field(default_factory=threading.Event)

    @property
    def progress_since(self) -> float:
        """Monotonic seconds from which on its progress has not been written."""
        return max(self.progress_written_at, self.sent_at)

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
        """The engine must stop working on it."""
        return self.is_interrupted or self.aborted.is_set()

    @property
    def takes_lock(self) -> bool:
        """Its call waits for the engine's lock, so an interrupt may cut it."""
        return self.call is not None and self.call.takes_lock

    @property
    def is_identified(self) -> bool:
        """The engine names its call in its progress, and an interrupt ends it alone."""
        return self.call is not None and self.call.is_identified

    @property
    def shows_steps(self) -> bool:
        """The engine's progress moves with every step of it, and an interrupt ends it after a step."""
        return self.call is not None and self.call.generates

    @property
    def key(self) -> tuple[str, str]:
        """Key of the task in the table, and run."""
        return self.lease.task_key, self.lease.run_id

    @property
    def deadline(self) -> float:
        """Monotonic seconds at which the task reaches its time limit."""
        return self.claimed_at + self.metadata.policy.execution_timeout_ms / 1000
