"""Records of tasks, as a submission writes them."""

from typing import Any

from contract.record import Record, Status


def make_record(**changes: Any) -> Record:
    """Return the record of a task that waits in its queue, with changed fields."""
    values: dict[str, Any] = {
        "id": "a",
        "run_id": "1a2b",
        "status": Status.IN_QUEUE,
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "format": "v1alpha2",
        "prefix": "output",
        "submission_id": "submission",
        "fingerprint": "fingerprint",
        "execution_timeout_ms": 600_000,
        "ttl_ms": 86_400_000,
        "submitted_at_ms": 1_700_000_000_000,
    }
    return Record(**(values | changes))
