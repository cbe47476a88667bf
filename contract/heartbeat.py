"""Heartbeat of each replica in the task table, because no record of a task shows an idle or a starting replica."""

from collections.abc import Mapping
from typing import Any, Final

from contract.conditional_update import Request

#: Milliseconds between two heartbeats of a replica: with a hundred replicas, 5 dollars of writes a month.
HEARTBEAT_INTERVAL_MS: Final = 60_000
#: Milliseconds after which a replica without a heartbeat counts as gone: two may be late or lost.
HEARTBEAT_EXPIRY_MS: Final = 150_000
#: Seconds after which DynamoDB may delete the last heartbeat of a replica.
_KEPT_SECONDS: Final = 3_600


def heartbeat(replica: str, runtime: str, *, now_ms: int) -> Request:
    """Record that a replica of a runtime is alive. No task has such an id, and no runtime such a name."""
    return _report(f"replica/{replica}", replica, heartbeat_partition(runtime), now_ms)


def start_report(replica: str, runtime: str, *, models: Mapping[str, int], now_ms: int) -> Request:
    """Record that a replica of a runtime starts, and how many bytes of its models it has: `record.MODELS_KEYS`."""
    return _report(f"replica/{replica}/start", replica, start_partition(runtime), now_ms, models=dict(models))


def _report(key: str, replica: str, partition: str, now_ms: int, **more: Any) -> Request:
    values = {
        "active_runtime": partition,
        "submitted_at_ms": now_ms,
        "worker_id": replica,
        "expires_at": now_ms // 1000 + _KEPT_SECONDS,
        **more,
    }
    return {
        "Key": {"id": key},
        "UpdateExpression": "SET " + ", ".join(f"{name} = :{name}" for name in values),
        "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
    }


def start_partition(runtime: str) -> str:
    """Return the partition of the index of active tasks of a runtime's starting replicas."""
    return f"{runtime}/starting"


def heartbeat_partition(runtime: str) -> str:
    """Return the partition of the index of active tasks of the heartbeats of a runtime's replicas."""
    return f"{runtime}/replicas"
