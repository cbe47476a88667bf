"""The one lock of the Web UI: pictures and changes of checkpoint happen one at a time, first come, first served."""

import threading
from collections import deque
from types import TracebackType
from typing import Self


class GenerationQueue:
    """A lock, as a context manager, that goes to whoever has waited longest."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> Self:
        with self._guard:
            if not self._held:
                self._held = True
                return self
            my_turn = threading.Event()
            self._waiting.append(my_turn)
        my_turn.wait()
        return self

    def __exit__(
        self, exception_type: type[BaseException] | None, exception: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._held = False
