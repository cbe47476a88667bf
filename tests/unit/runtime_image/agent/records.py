"""Records for unit tests of the agent."""

from typing import Any

from contract.record import Record, Status


def record(**changes: Any) -> Record:
    """Return the record of a claimed task."""
    values: dict[str, Any] = {
        "id": "cat",
        "run_id": "1a2b",
        "status": Status.IN_PROGRESS,
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "format": "v1alpha2",
        "prefix": "output",
        "submission_id": "s",
        "fingerprint": "f",
        "execution_timeout_ms": 600_000,
        "ttl_ms": 86_400_000,
        "submitted_at_ms": 1_700_000_000_000,
    }
    return Record(**(values | changes))
