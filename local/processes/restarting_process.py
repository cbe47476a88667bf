"""Keeps a child alive: one that ends is reported and started again, after growing pauses."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from local.console import Console
from local.processes.process_group import LocalProcess

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 30.0
#: Seconds after which a child counts as healthy, so that its next end is the first again.
_HEALTHY_SECONDS: Final = 60.0


class RestartingProcess:
    """Holds the child that runs at the moment; `start` makes another one like it."""

    def __init__(self, child: LocalProcess, *, start: Callable[[], Awaitable[LocalProcess]], console: Console) -> None:
        self.child = child
        self._start = start
        self._console = console

    async def keep(self) -> None:
        """Start the child again whenever it ends, until cancelled."""
        pause_seconds = _FIRST_PAUSE_SECONDS
        while True:
            since = time.monotonic()
            status = await self.child.wait()
            if time.monotonic() - since >= _HEALTHY_SECONDS:
                pause_seconds = _FIRST_PAUSE_SECONDS
            self._console.print(
                f"{self.child.name} ended with status {status}; it starts again in {pause_seconds:g} s"
                f" (its log: {self.child.log_file})"
            )
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
            self.child = await self._start()
