"""Threads that do the waiting of one stage. What comes of a job, failure included, is an event for the loop."""

import queue
import threading
from collections.abc import Callable

from runtime_image.agent.core.events import Event

Job = Callable[[], Event]
OnFailure = Callable[[Exception], Event]


class WorkerPool:
    """Up to a number of threads with a queue of jobs; each is started when a job finds no idle one.

    The threads are daemons: at the end of the grace period the process must exit although a call hangs, which
    `concurrent.futures` would wait for.
    """

    def __init__(self, *, name: str, count: int, post: Callable[[Event], None]) -> None:
        self._jobs: queue.SimpleQueue[tuple[Job, OnFailure]] = queue.SimpleQueue()
        self._post = post
        self._name = name
        self._count = count
        self._started = 0
        self._idle = threading.Semaphore(0)

    def submit(self, job: Job, on_failure: OnFailure) -> None:
        """Have `job` done; the event that it returns, or that `on_failure` makes of its exception, is posted.

        To be called from one thread only.
        """
        self._jobs.put((job, on_failure))
        if not self._idle.acquire(blocking=False) and self._started < self._count:
            threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
            self._started += 1

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
            self._idle.release()
