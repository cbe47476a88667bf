"""Active runs of each key of the HTTP API, as writes of one item next to the records in the task table.

The item names every active run instead of a number, so a repeated or late write changes nothing.
"""

from collections.abc import Collection, Mapping
from typing import Any

from contract.conditional_update import Request


def key_item_id(key_name: str) -> str:
    """Return the id of a key's item; no task's id has a slash."""
    return f"key/{key_name}"


def run_name(task_id: str, run_id: str) -> str:
    """Return the name of a run in the item."""
    return f"{task_id}/{run_id}"


def begin(key_name: str) -> Request:
    """Make the item of a key that has none."""
    return {
        "Item": {"id": key_item_id(key_name), "runs": {}},
        "ConditionExpression": "attribute_not_exists(id)",
    }


def reserve(key_name: str, name: str, *, limit: int, now_ms: int) -> Request:
    """Name a run that is about to be recorded, unless as many as `limit` are named."""
    return {
        "Key": {"id": key_item_id(key_name)},
        "UpdateExpression": "SET runs.#name = :now",
        "ConditionExpression": "attribute_exists(runs.#name) OR (attribute_exists(runs) AND size(runs) < :limit)",
        "ExpressionAttributeNames": {"#name": name},
        "ExpressionAttributeValues": {":now": now_ms, ":limit": limit},
    }


def release(key_name: str, names: Collection[str]) -> Request:
    """Forget runs that have ended, or that never began."""
    placeholders = {f"#name{number}": name for number, name in enumerate(names)}
    return {
        "Key": {"id": key_item_id(key_name)},
        "UpdateExpression": "REMOVE " + ", ".join(f"runs.{placeholder}" for placeholder in placeholders),
        "ConditionExpression": "attribute_exists(runs)",
        "ExpressionAttributeNames": placeholders,
    }


def reserved_at_ms(item: Mapping[str, Any]) -> dict[str, int]:
    """Return the runs that a key's item names, with the time of each reservation."""
    return {name: int(moment) for name, moment in item.get("runs", {}).items()}
