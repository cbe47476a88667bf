"""The one queue of the Web UI: pictures and changes of checkpoint happen one at a time, first come, first served."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

Result = TypeVar("Result")


class GenerationQueue:
    """Does all work in one thread of its own.

    A lock would serve as well, were it not for torch: it gives every thread that computes a team of its own, and once
    two teams are more than the processors, both wait for each other with every operation, at half the speed.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        # A daemon: a checkpoint that is still being loaded does not hold up the end of the process.
        threading.Thread(target=self._work, name="generation", daemon=True).start()

    def run(self, job: Callable[[], Result]) -> Result:
        """Return what `job` returns, or raise what it raises, once all that came before has ended."""
        future: Future[Result] = Future()
        self._jobs.put((job, future))
        return future.result()

    def _work(self) -> None:
        while True:
            job, future = self._jobs.get()
            try:
                future.set_result(job())
            except BaseException as error:  # noqa: BLE001 - it is raised where the job was given
                future.set_exception(error)
