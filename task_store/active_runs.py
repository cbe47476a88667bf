"""Active runs of each key of the HTTP API, in one item for each key next to the records in the task table.

The item names every active run instead of a number, so a repeated or late write changes nothing.
"""

from collections.abc import Collection, Mapping
from typing import Any

from contract.record import FINAL_STATUSES, Record
from task_store.table import TableClient


def key_item_id(key_name: str) -> str:
    """Return the id of a key's item; ids of tasks have no slash."""
    return f"key/{key_name}"


def run_name(record: Record) -> str:
    """Return the name of a run in the item."""
    return f"{record.key}/{record.run_id}"


class ActiveRuns(TableClient):
    """Reservations of runs under the limit of their key."""

    def reserve(self, key_name: str, name: str, *, limit: int, now_ms: int) -> bool:
        """Reserve a place for a run before it is recorded; return False if the key has `limit` runs."""
        return self._update(
            {
                "Key": {"id": key_item_id(key_name)},
                "UpdateExpression": "SET runs.#name = :now",
                "ConditionExpression": (
                    "attribute_exists(runs.#name) OR (attribute_exists(runs) AND size(runs) < :limit)"
                ),
                "ExpressionAttributeNames": {"#name": name},
                "ExpressionAttributeValues": {":now": now_ms, ":limit": limit},
            }
        )

    def reserved_at_ms(self, key_name: str) -> dict[str, int] | None:
        """Return the reserved runs of a key and the time of each reservation; None for a key without an item."""
        item = self._item(key_item_id(key_name))
        return None if item is None else {name: int(moment) for name, moment in item.get("runs", {}).items()}

    def begin(self, key_name: str) -> None:
        """Create the item of a key, unless another caller has just created it."""
        item = {"id": key_item_id(key_name), "runs": {}}
        self._write(self._client.put_item, {"Item": item, "ConditionExpression": "attribute_not_exists(id)"})

    def release(self, key_name: str, names: Collection[str]) -> None:
        """Release the places of runs; a run without a place is ignored."""
        placeholders = {f"#name{number}": name for number, name in enumerate(names)}
        self._update(
            {
                "Key": {"id": key_item_id(key_name)},
                "UpdateExpression": "REMOVE " + ", ".join(f"runs.{placeholder}" for placeholder in placeholders),
                "ConditionExpression": "attribute_exists(runs)",
                "ExpressionAttributeNames": placeholders,
            }
        )

    def release_run(self, record: Record) -> None:
        """Release the place of one run, if it was sent with a key."""
        if record.key_name is not None:
            self.release(record.key_name, [run_name(record)])

    def ended(self, names: Collection[str]) -> list[str]:
        """Return the runs that have ended or were never recorded; DynamoDB reads 100 of them at most."""
        runs = {name: name.rpartition("/")[::2] for name in names}
        items = self._items(task_key for task_key, _ in runs.values())
        return [
            name
            for name, (task_key, run_id) in runs.items()
            if task_key in items and _has_ended(items[task_key], run_id)
        ]


def _has_ended(item: Mapping[str, Any], run_id: str) -> bool:
    return not item or item["run"] != run_id or item["status"] in FINAL_STATUSES
