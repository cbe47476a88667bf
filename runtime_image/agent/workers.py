"""Threads that do the waiting of one stage. What comes of a job, failure included, is an event for the loop."""

import queue
import threading
from collections.abc import Callable

from runtime_image.agent.events import Event

Job = Callable[[], Event]
OnFailure = Callable[[Exception], Event]


class Workers:
    """A fixed number of threads with a queue of jobs.

    The threads are daemons: at the end of the grace period the process must exit although a call hangs, which
    `concurrent.futures` would wait for.
    """

    def __init__(self, *, name: str, count: int, post: Callable[[Event], None]) -> None:
        self._jobs: queue.SimpleQueue[tuple[Job, OnFailure]] = queue.SimpleQueue()
        self._post = post
        for number in range(count):
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    def submit(self, job: Job, on_failure: OnFailure) -> None:
        """Have `job` done; the event that it returns, or that `on_failure` makes of its exception, is posted."""
        self._jobs.put((job, on_failure))

    def _work(self) -> None:
        while True:
            job, on_failure = self._jobs.get()
            try:
                event = job()
            except Exception as error:  # noqa: BLE001 - a job's failure is an event, never a dead thread
                event = on_failure(error)
            self._post(event)
            # An idle thread must not keep the last job's pictures alive.
            del job, on_failure, event
