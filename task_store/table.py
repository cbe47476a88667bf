"""The task table, which holds records, batches, heartbeats and the reservations of keys."""

from collections.abc import Callable
from typing import Any

from contract.conditional_update import Request


class TableClient:
    """Reads and conditional writes of items. `client` speaks plain Python values, as boto3's resource layer does."""

    def __init__(self, *, client: Any, table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def _item(self, key: str, *, is_current: bool = True) -> dict[str, Any] | None:
        """Return an item as it is now. Without `is_current` it may be a moment old, at half the price."""
        response = self._client.get_item(TableName=self._table_name, Key={"id": key}, ConsistentRead=is_current)
        item: dict[str, Any] | None = response.get("Item")
        return item

    def _update(self, request: Request) -> bool:
        """Return False if the condition of an UpdateItem is not true."""
        return self._write(self._client.update_item, request)

    def _write(self, operation: Callable[..., object], request: Request) -> bool:
        try:
            operation(TableName=self._table_name, **request)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True
