"""Threads whose failure is an event of the program's loop, because a dead thread would go unseen."""

import threading
from collections.abc import Callable
from dataclasses import dataclass


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
