"""Records for unit tests of the agent."""

from typing import Any

from contract.record import Record, Status
from tests.harness.records import make_record


def record(**changes: Any) -> Record:
    """Return the record of a claimed task."""
    return make_record(**({"id": "cat", "status": Status.IN_PROGRESS} | changes))
