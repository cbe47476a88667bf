"""A sign of life of each replica, beside the records in the task table: an idle replica has no record to be seen in."""

from typing import Final

from contract.conditional_update import Request

#: Milliseconds between two signs of a replica: with a hundred replicas, 5 dollars of writes a month.
HEARTBEAT_INTERVAL_MS: Final = 60_000
#: Milliseconds after which a replica without a sign counts no more: two may be late or lost.
HEARTBEAT_EXPIRY_MS: Final = 150_000
#: Seconds after which DynamoDB may delete the last sign of a replica.
_KEPT_SECONDS: Final = 3_600


def heartbeat(replica: str, runtime: str, *, now_ms: int) -> Request:
    """Say that a replica of a runtime is there. No task has such an id, and no runtime such a name."""
    return {
        "Key": {"id": f"replica/{replica}"},
        "UpdateExpression": (
            "SET active_runtime = :replicas, submitted_at_ms = :now, worker_id = :replica, expires_at = :expires_at"
        ),
        "ExpressionAttributeValues": {
            ":replicas": heartbeat_partition(runtime),
            ":now": now_ms,
            ":replica": replica,
            ":expires_at": now_ms // 1000 + _KEPT_SECONDS,
        },
    }


def heartbeat_partition(runtime: str) -> str:
    """Return the partition of the index of active tasks in which the signs of a runtime's replicas are."""
    return f"{runtime}/replicas"
