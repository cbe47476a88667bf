"""Interface of an event source, and its loop: it runs until cancelled, and an error only pauses it."""

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any, Final, Protocol

from local.lambda_runtime.runtime_api import InvocationResult

log = logging.getLogger(__name__)

#: Seconds before an event source tries again after an error of the services around it.
_PAUSE_SECONDS: Final = 1.0


class EventSource(Protocol):
    """Carries events from one source to one function."""

    @property
    def name(self) -> str:
        """The name in the log."""

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


def failed_identifiers(answer: InvocationResult, identifiers: Sequence[str], *, reports_items: bool) -> set[str]:
    """Return the identifiers of a batch that were not processed.

    As on Lambda, an error fails all of them. So does an answer that names an unknown record or has another shape.
    An answer without names means success.
    """
    everything = set(identifiers)
    if answer.is_error:
        return everything
    if not reports_items:
        return set()
    named = _named(json.loads(answer.payload))
    return everything if named is None or not named <= everything else named


def _named(value: Any) -> set[str] | None:
    """Return the identifiers that an answer names, None if it has another shape."""
    if value is None:
        return set()
    failures = value.get("batchItemFailures", []) if isinstance(value, dict) else None
    if failures is None and isinstance(value, dict):
        return set()
    if not isinstance(failures, list) or not all(isinstance(failure, dict) for failure in failures):
        return None
    identifiers = [failure.get("itemIdentifier") for failure in failures]
    return {str(identifier) for identifier in identifiers}
