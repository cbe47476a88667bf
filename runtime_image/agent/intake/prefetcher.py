"""Messages on their way in: asked for, looked at, and either held as tasks or on their way back."""

import threading
from collections.abc import Iterable
from typing import Final

from runtime_image.agent.core.claimed_task import NOT_BEGUN, Stage
from runtime_image.agent.core.claimed_tasks import ClaimedTasks
from runtime_image.agent.core.worker_pools import WorkerPools
from runtime_image.agent.generate.generation_scheduler import GenerationScheduler
from runtime_image.agent.intake.queue_poller import QueuePoller
from runtime_image.agent.intake.task_queue import ReceivedMessage

#: Seconds until a message comes again whose task is just about to end.
RETURN_DELAY_SECONDS: Final = 2.0


class Prefetcher:
    """Changed by the loop only."""

    def __init__(
        self,
        *,
        pools: WorkerPools,
        poller: QueuePoller,
        scheduler: GenerationScheduler,
        claimed: ClaimedTasks,
        stopping: threading.Event,
    ) -> None:
        self._pools = pools
        self._poller = poller
        self._scheduler = scheduler
        self._claimed = claimed
        self._stopping = stopping
        #: True while a receive call is under way.
        self.is_receiving = False
        #: Messages that are looked at, and messages on their way back: each is one event to come.
        self._claiming = 0
        self._requeueing = 0

    @property
    def is_busy(self) -> bool:
        """True while a message is looked at or on its way back."""
        return bool(self._claiming or self._requeueing)

    def receive(self, now: float) -> None:
        """Ask for as many messages as the Web UI will need soon."""
        if self.is_receiving:
            return
        waiting = [task for task in self._claimed if task.stage in NOT_BEGUN]
        if count := self._scheduler.room(claiming=self._claiming, waiting=waiting, now=now):
            self.is_receiving = True
            self._poller.request(count)

    def received(self, messages: Iterable[ReceivedMessage]) -> None:
        """Have what one receive call brought looked at, or returned if the agent is stopping."""
        self.is_receiving = False
        for message in messages:
            if self._stopping.is_set():
                self._requeue(message)
            else:
                self._claiming += 1
                self._pools.claim(message)

    def looked_at(self) -> None:
        """Note that a message has become a held task, or needs no more work."""
        self._claiming -= 1

    def requeued(self) -> None:
        """Note that a message is visible again."""
        self._requeueing -= 1

    def redelivered(self, key: tuple[str, str], message: ReceivedMessage) -> None:
        """Take another message of a task that is held: it shares the task's fate."""
        task = self._claimed.find(key)
        if task is None or task.stage is Stage.ENDING:
            self._requeue(message, RETURN_DELAY_SECONDS)
        elif task.message.message_id == message.message_id:
            # The newest receipt handle is the one that counts.
            task.message = message
        else:
            task.duplicates.append(message)

    def _requeue(self, message: ReceivedMessage, delay_seconds: float = 0) -> None:
        self._requeueing += 1
        self._pools.requeue_message(message, delay_seconds=delay_seconds)
