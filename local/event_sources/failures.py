"""Failed records of a batch, by the answer of a function that reports them one by one."""

import json
from collections.abc import Sequence
from typing import Any

from local.lambda_runtime.runtime_api import InvocationResult


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
