"""A few threads for the parts of one task's step: its links, its uploads."""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

Result = TypeVar("Result")


def in_parallel(jobs: Sequence[Callable[[], Result]], *, threads: int, name: str) -> list[Result | Exception]:
    """Do all jobs, the calling thread among those that do them; return what each returned or raised, in their order."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(jobs)):
        waiting.put(number)
    outcomes: dict[int, Result | Exception] = {}

    def work() -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                outcomes[number] = jobs[number]()
            except Exception as error:  # noqa: BLE001 - handed over to the caller's thread
                outcomes[number] = error

    others = [threading.Thread(target=work, name=name, daemon=True) for _ in range(min(threads, len(jobs)) - 1)]
    for thread in others:
        thread.start()
    work()
    for thread in others:
        thread.join()
    return [outcomes[number] for number in range(len(jobs))]
