"""Poller of the queue: one long poll at a time, and only when the loop asks for messages."""

import queue
from collections.abc import Callable
from typing import Final

from runtime_image.agent.core.events import Event, MessagesReceived
from runtime_image.agent.core.task_queue import TaskQueue
from runtime_image.process.aws import AWS_ERRORS
from runtime_image.process.clock import Clock
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
                self._clock.sleep(PAUSE_AFTER_FAILURE_SECONDS)
                messages = ()
            self._post(MessagesReceived(messages))
