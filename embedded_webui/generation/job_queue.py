"""The one queue of the Web UI: generations and checkpoint changes run one at a time, first in, first out."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

Result = TypeVar("Result")


class JobQueue:
    """Runs every job in one thread.

    A lock would run them in many threads. torch gives each thread that computes a team of threads. When two teams have
    more threads than there are processors, each operation waits for the other team, at half the speed.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        # A daemon thread, because a checkpoint that is still loading must not delay the end of the process.
        threading.Thread(target=self._work, name="generation", daemon=True).start()

    def run(self, job: Callable[[], Result]) -> Result:
        """Return the result of `job`, or raise its error, after all earlier jobs."""
        future: Future[Result] = Future()
        self._jobs.put((job, future))
        return future.result()

    def _work(self) -> None:
        while True:
            job, future = self._jobs.get()
            try:
                future.set_result(job())
            except BaseException as error:  # noqa: BLE001 - `run` raises it in the thread of the caller
                future.set_exception(error)
