"""Threads whose failure is an event of the program's loop, because a dead thread would go unseen."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

#: Environment variables of a program with many threads. glibc otherwise keeps freed memory for each of them, which is
#: 72 MB in an agent that stores four pictures of 1024 x 1024 a task.
MEMORY_VARIABLES: Final = {"MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True)
class ThreadFailed:
    """A thread that must not end failed by a mistake of ours."""

    name: str
    error: Exception


def start_thread(name: str, run: Callable[[], None], post: Callable[[ThreadFailed], None]) -> None:
    """Run `run` in a daemon thread, and post its failure."""

    def guarded() -> None:
        try:
            run()
        except Exception as error:  # noqa: BLE001 - every failure is an event
            post(ThreadFailed(name, error))

    threading.Thread(target=guarded, name=name, daemon=True).start()
