"""Interface of an event source, and its loop: it runs until cancelled, and an error only pauses it."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, Final, Protocol

log = logging.getLogger(__name__)

#: Seconds before an event source tries again after an error of the services around it.
_PAUSE_SECONDS: Final = 1.0


class EventSource(Protocol):
    """Carries events from one source to one function."""

    name: str

    async def poll(self) -> None:
        """Process the waiting events, or wait for some a short while."""


async def run_event_source(source: EventSource) -> None:
    """Run `source` until cancelled. It survives every error, because no other loop processes its events."""
    while True:
        try:
            await source.poll()
        except Exception:
            log.exception("%s failed; it continues in %g s", source.name, _PAUSE_SECONDS)
            await asyncio.sleep(_PAUSE_SECONDS)


class Threads:
    """Runs blocking AWS calls outside the event loop."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def call(self, function: Callable[..., Any], **arguments: Any) -> Any:
        """Return what `function` returns."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(function, **arguments))
