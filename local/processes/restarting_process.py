"""Process that starts again when it ends, after growing pauses."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from local.console import Console
from local.processes.process_group import LocalProcess

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 30.0
#: Seconds after which a process counts as healthy, so that the pauses start anew.
_HEALTHY_SECONDS: Final = 60.0


class RestartingProcess:
    """The process that runs now; `start` starts the next one."""

    def __init__(
        self, process: LocalProcess, *, start: Callable[[], Awaitable[LocalProcess]], console: Console
    ) -> None:
        self.process = process
        self._start = start
        self._console = console

    async def keep_running(self) -> None:
        """Restart the process whenever it ends, until cancelled."""
        pause_seconds = _FIRST_PAUSE_SECONDS
        while True:
            since = time.monotonic()
            status = await self.process.wait()
            if time.monotonic() - since >= _HEALTHY_SECONDS:
                pause_seconds = _FIRST_PAUSE_SECONDS
            self._console.print(
                f"{self.process.name} ended with status {status}; it starts again in {pause_seconds:g} s"
                f" (its log: {self.process.log_file})"
            )
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
            self.process = await self._start()
