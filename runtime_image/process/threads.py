"""Threads of a program: those whose failure is an event of its loop, and a few for the parts of one step."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

Result = TypeVar("Result")

#: Environment variables of a program with many threads. glibc otherwise keeps freed memory for each of them, which is
#: 72 MB in an agent that stores four pictures of 1024 x 1024 a task.
MEMORY_VARIABLES: Final = {"MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True)
class ThreadFailed:
    """A thread that must not end failed by a mistake of ours."""

    name: str
    error: Exception


def start_thread(name: str, run: Callable[[], None], post: Callable[[ThreadFailed], None]) -> None:
    """Run `run` in a daemon thread, and post its failure, because a dead thread would go unseen."""

    def guarded() -> None:
        try:
            run()
        except Exception as error:  # noqa: BLE001 - every failure is an event
            post(ThreadFailed(name, error))

    threading.Thread(target=guarded, name=name, daemon=True).start()


def in_parallel(jobs: Sequence[Callable[[], Result]], *, threads: int, name: str) -> list[Result | Exception]:
    """Do all jobs, the calling thread among those that do them; return what each returned or raised, in their order.

    The other threads are daemons, because a program must be able to exit although a job hangs.
    """
    outcomes: dict[int, Result | Exception] = {}
    # The threads share it: each of its numbers goes to one of them.
    numbers = iter(range(len(jobs)))

    def work() -> None:
        for number in numbers:
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
