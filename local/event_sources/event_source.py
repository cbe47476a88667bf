"""What all event sources have in common: they run until they are cancelled, and an error only pauses them."""

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

    async def step(self) -> None:
        """Carry what there is, or wait for it a short while."""


async def run_event_source(source: EventSource) -> None:
    """Run `source` for ever; it must never die, since nothing else would carry its events."""
    while True:
        try:
            await source.step()
        except Exception:
            log.exception("%s failed; it goes on in %g s", source.name, _PAUSE_SECONDS)
            await asyncio.sleep(_PAUSE_SECONDS)


class Threads:
    """Runs blocking AWS calls beside the event loop."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def call(self, function: Callable[..., Any], **arguments: Any) -> Any:
        """Return what `function` returns."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(function, **arguments))
