"""Queue and history of the prompts. Both are in memory, and end with the process."""

import heapq
import itertools
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

_MAX_HISTORY: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class QueuedPrompt:
    """One accepted prompt. Smaller numbers run first."""

    number: float
    prompt_id: str
    graph: dict[str, Any]
    extra_data: dict[str, Any]
    outputs: list[str]

    def listed(self) -> list[Any]:
        """Return the prompt as `/queue` and `/history` show it."""
        return [self.number, self.prompt_id, self.graph, self.extra_data, self.outputs]


class PromptQueue:
    """Waiting prompts, the running one, and the history. The server's loop and the worker's thread share it.

    Args:
        on_change: Called with the number of waiting and running prompts after each change, before the next one.
    """

    def __init__(self, on_change: Callable[[int], None]) -> None:
        self._on_change = on_change
        # The lock of a condition is reentrant.
        self._changed = threading.Condition()
        self._arrivals = itertools.count()
        self._waiting: list[tuple[float, int, QueuedPrompt]] = []
        self._running: QueuedPrompt | None = None
        self._history: dict[str, dict[str, Any]] = {}
        self._is_interrupted = threading.Event()
        self._free: dict[str, bool] = {}

    @property
    def running(self) -> list[QueuedPrompt]:
        """The running prompt, if one runs."""
        return [running] if (running := self._running) else []

    @property
    def waiting(self) -> list[QueuedPrompt]:
        """The waiting prompts."""
        with self._changed:
            return [prompt for *_, prompt in self._waiting]

    @property
    def remaining(self) -> int:
        """The number of waiting and running prompts."""
        return len(self._waiting) + (self._running is not None)

    @property
    def history(self) -> dict[str, dict[str, Any]]:
        """The entries of the finished prompts by their ids, the oldest first."""
        with self._changed:
            return dict(self._history)

    @property
    def is_interrupted(self) -> bool:
        """Return True if the running prompt must end."""
        return self._is_interrupted.is_set()

    def put(self, prompt: QueuedPrompt) -> None:
        """Add a prompt."""
        with self._changed:
            heapq.heappush(self._waiting, (prompt.number, next(self._arrivals), prompt))
            self._changed.notify()
            self._on_change(self.remaining)

    def begin(self) -> QueuedPrompt | None:
        """Wait for work and return the next prompt, which now runs; None if only `accept_free` has something."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._free)
            if not self._waiting:
                return None
            self._running = heapq.heappop(self._waiting)[-1]
            self._is_interrupted.clear()
            self._on_change(self.remaining)
            return self._running

    def finish(self, entry: dict[str, Any]) -> None:
        """Move the running prompt to the history."""
        with self._changed:
            if len(self._history) >= _MAX_HISTORY:
                del self._history[next(iter(self._history))]
            if self._running:
                self._history[self._running.prompt_id] = entry
            self._running = None
            self._on_change(self.remaining)

    def interrupt(self, prompt_id: str | None = None) -> bool:
        """Interrupt the running prompt, or only that one. Return True if it runs."""
        with self._changed:
            is_running = self._running is not None and prompt_id in {None, self._running.prompt_id}
            if is_running:
                self._is_interrupted.set()
            return is_running

    def cancel(self, prompt_id: str) -> bool:
        """Interrupt a running prompt or remove a waiting one. Return False for a finished or unknown one."""
        with self._changed:
            return self.interrupt(prompt_id) or self.remove([prompt_id])

    def remove(self, prompt_ids: Iterable[str] | None) -> bool:
        """Remove these waiting prompts, None for all, without a trace. Return True if there was one."""
        with self._changed:
            kept = (
                []
                if prompt_ids is None
                else [entry for entry in self._waiting if entry[-1].prompt_id not in prompt_ids]
            )
            is_changed = len(kept) < len(self._waiting)
            self._waiting = kept
            heapq.heapify(self._waiting)
            if is_changed:
                self._on_change(self.remaining)
            return is_changed

    def forget(self, prompt_ids: Iterable[str] | None) -> None:
        """Remove entries of the history, None for all."""
        with self._changed:
            for prompt_id in list(self._history) if prompt_ids is None else prompt_ids:
                self._history.pop(prompt_id, None)

    def request_free(self, flags: dict[str, bool]) -> None:
        """Keep the wish to free memory until the worker is idle."""
        with self._changed:
            self._free |= flags
            self._changed.notify()

    def accept_free(self) -> dict[str, bool]:
        """Return the wishes since the last call."""
        with self._changed:
            free, self._free = self._free, {}
            return free
