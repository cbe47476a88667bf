"""Threads that wait for the loop: one pool for each stage of a task and for each job next to the stages."""

import queue
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.events import Event, StageDone, StageFailed

#: Tasks between the queue and the engine at a time: one whose links are slow must not stop the others, and 20 tasks a
#: second of 50 ms must pass although each waits 300 ms for AWS.
MAX_AHEAD: Final = 8
#: Calls at the engine at a time. A call that waits in the engine's lock can only be stopped by an interrupt, and each
#: needs a thread and an answer's memory.
MAX_OUTSTANDING: Final = 4
#: Tasks whose outputs are being stored at a time; it bounds the memory that pictures need while S3 is slow.
MAX_STORING: Final = 6
#: Tasks that can be held, and so complete, at a time. Each completion may wait for AWS for as long as a lease lasts.
#: It must delay neither another completion nor a heartbeat: a cancel must be noticed within two seconds.
MAX_HELD: Final = MAX_AHEAD + MAX_OUTSTANDING + MAX_STORING
#: Tasks whose records are checked: until the engine has answered.
MAX_MONITORED: Final = MAX_AHEAD + MAX_OUTSTANDING


class Stage(Protocol):
    """One stage of a task's way through the agent."""

    name: str
    #: Threads, and so tasks in this stage at a time.
    workers: int

    def run(self, task: ClaimedTask) -> None:
        """Work on the task and write the product into it; an error decides how the task ends."""


class Job(Protocol):
    """Work next to the stages, whose outcome is an event. Its methods receive the arguments of the submission."""

    name: str
    workers: int

    def run(self, *arguments: Any) -> Event:
        """Do the work."""

    def failed(self, error: Exception, *arguments: Any) -> Event:
        """Return the event for an error of `run`."""


class WorkerPool:
    """Threads with a queue of work; each is started when work finds no idle one.

    The threads are daemons: at the end of the grace period the process must exit although a call hangs, and
    `concurrent.futures` would wait for it.
    """

    def __init__(self, *, name: str, count: int, post: Callable[[Event], None]) -> None:
        self._work: queue.SimpleQueue[tuple[Callable[[], Event], Callable[[Exception], Event]]] = queue.SimpleQueue()
        self._post = post
        self._name = name
        self._count = count
        self._started = 0
        self._idle = threading.Semaphore(0)

    def submit(self, work: Callable[[], Event], on_failure: Callable[[Exception], Event]) -> None:
        """Run `work` in a thread and post the event that it returns, or that `on_failure` makes of its exception.

        To be called from one thread only.
        """
        self._work.put((work, on_failure))
        if not self._idle.acquire(blocking=False) and self._started < self._count:
            threading.Thread(target=self._run, name=f"{self._name}-{self._started}", daemon=True).start()
            self._started += 1

    def _run(self) -> None:
        while True:
            work, on_failure = self._work.get()
            try:
                event = work()
            except Exception as error:  # noqa: BLE001 - a failure is an event, never a dead thread
                event = on_failure(error)
            self._post(event)
            # An idle thread must not keep the last task's pictures alive.
            del work, on_failure, event
            self._idle.release()


class WorkerPools:
    """All pools by the name of their stage or job. Submissions return at once; their outcome is an event."""

    def __init__(self, *, stages: Iterable[Stage], jobs: Iterable[Job], post: Callable[[Event], None]) -> None:
        self._stages = {stage.name: stage for stage in stages}
        self._jobs = {job.name: job for job in jobs}
        works: dict[str, Stage | Job] = {**self._stages, **self._jobs}
        self._pools = {name: WorkerPool(name=name, count=work.workers, post=post) for name, work in works.items()}

    def run_stage(self, name: str, task: ClaimedTask) -> None:
        """Run a stage of a task."""
        stage = self._stages[name]

        def run() -> Event:
            stage.run(task)
            return StageDone(name, task)

        self._pools[name].submit(run, lambda error: StageFailed(name, task, error))

    def run_job(self, name: str, *arguments: object) -> None:
        """Run a job with these arguments."""
        job = self._jobs[name]
        self._pools[name].submit(lambda: job.run(*arguments), lambda error: job.failed(error, *arguments))
