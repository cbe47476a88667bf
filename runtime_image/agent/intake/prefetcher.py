"""Prefetch of messages: the queue is polled for as many as the engine needs soon, and each is claimed or requeued."""

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from runtime_image.agent.core.claimed_task import NOT_BEGUN, ClaimedTask, TaskPhase
from runtime_image.agent.core.claimed_tasks import ClaimedTasks
from runtime_image.agent.core.events import Event, MachineUnfit, MessageRequeued, MessagesReceived, TaskRedelivered
from runtime_image.agent.core.task_queue import ReceivedMessage, TaskQueue
from runtime_image.agent.core.worker_pools import MAX_HELD, WorkerPools
from runtime_image.agent.intake.task_claimer import TaskClaimer
from runtime_image.process.aws import AWS_ERRORS
from runtime_image.process.clock import MAX_SKEW_SECONDS, Clock
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import EventLog

#: Seconds after a failed receive; short, so that the agent works again within seconds of SQS.
PAUSE_AFTER_FAILURE_SECONDS: Final = 1.0


class QueuePoller:
    """Answers each `request` with one event."""

    def __init__(self, *, queue_: TaskQueue, clock: Clock, log: EventLog, post: Callable[[Event], None]) -> None:
        self._queue = queue_
        self._clock = clock
        self._log = log
        self._post = post
        self._requests: queue.SimpleQueue[int] = queue.SimpleQueue()

    def request(self, count: int) -> None:
        """Ask for up to `count` messages."""
        self._requests.put(count)

    def run(self) -> None:
        """Poll for ever, in a separate thread."""
        while True:
            count = self._requests.get()
            try:
                messages = self._queue.receive(count)
            except AWS_ERRORS as error:
                self._log.warning("receive_failed", reason=str(error))
                if abs(self._clock.skew_seconds) > MAX_SKEW_SECONDS:
                    self._log.error("clock_wrong", skew_seconds=round(self._clock.skew_seconds))
                    self._post(MachineUnfit(ExitCode.CLOCK_WRONG))
                self._clock.sleep(PAUSE_AFTER_FAILURE_SECONDS)
                messages = ()
            self._post(MessagesReceived(messages))


#: Seconds until a message comes again whose task is about to complete.
REQUEUE_DELAY_SECONDS: Final = 2.0

#: Returns how many tasks may be received, given the claims under way, the tasks that have not begun, and the time.
RoomFunction = Callable[[int, Sequence[ClaimedTask], float], int]


class MessageRequeue:
    """Job that makes an unclaimed message visible again."""

    name = "requeue"
    workers = MAX_HELD

    def __init__(self, *, queue: TaskQueue) -> None:
        self._queue = queue

    def run(self, message: ReceivedMessage, delay_seconds: float) -> Event:
        """Requeue a message."""
        self._queue.requeue(message.receipt_handle, delay_seconds)
        return MessageRequeued()

    def failed(self, error: Exception, *_: object) -> Event:  # noqa: ARG002 - it reappears after its visibility timeout
        """Leave the message to its visibility timeout."""
        return MessageRequeued()


@dataclass(kw_only=True, eq=False)
class Prefetcher:
    """Changed by the loop only."""

    pools: WorkerPools
    poller: QueuePoller
    room: RoomFunction
    claimed: ClaimedTasks
    stopping: threading.Event
    #: True while a receive call is under way.
    is_receiving: bool = field(default=False, init=False)
    #: Messages that are being claimed, and messages that are being requeued: each is one event to come.
    _claiming: int = field(default=0, init=False)
    _requeuing: int = field(default=0, init=False)

    @property
    def is_busy(self) -> bool:
        """A message is being claimed or requeued."""
        return bool(self._claiming or self._requeuing)

    def receive(self, now: float) -> None:
        """Ask for as many messages as the engine will need soon."""
        if self.is_receiving:
            return
        waiting = [task for task in self.claimed if task.phase in NOT_BEGUN]
        if count := self.room(self._claiming, waiting, now):
            self.is_receiving = True
            self.poller.request(count)

    def received(self, messages: Iterable[ReceivedMessage]) -> None:
        """Claim the messages of one receive call, or requeue them if the agent stops."""
        self.is_receiving = False
        for message in messages:
            if self.stopping.is_set():
                self._requeue(message)
            else:
                self._claiming += 1
                self.pools.run_job(TaskClaimer.name, message)

    def handled(self) -> None:
        """Record that a message has become a claimed task, or needs no more work."""
        self._claiming -= 1

    def requeued(self) -> None:
        """Record that a message is visible again."""
        self._requeuing -= 1

    def redelivered(self, event: TaskRedelivered) -> None:
        """Accept another message of a claimed task: it shares the task's fate."""
        self.handled()
        task, message = self.claimed.find(event.key), event.message
        if task is None or task.phase is TaskPhase.COMPLETING:
            self._requeue(message, REQUEUE_DELAY_SECONDS)
        elif task.message.message_id == message.message_id:
            # The newest receipt handle is the one that counts.
            task.message = message
        else:
            task.duplicates.append(message)

    def _requeue(self, message: ReceivedMessage, delay_seconds: float = 0) -> None:
        self._requeuing += 1
        self.pools.run_job(MessageRequeue.name, message, delay_seconds)
