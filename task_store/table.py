"""The task table, which holds records, batches, heartbeats and the reservations of keys."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from contract.conditional_update import Request

#: Bytes of a key in UTF-8. DynamoDB refuses a longer or an empty one, so no item has one.
MAX_KEY_BYTES: Final = 2048


class TableClient:
    """Reads and conditional writes of items. `client` speaks plain Python values, as boto3's resource layer does."""

    def __init__(self, *, client: Any, table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def _item(self, key: str, *, is_current: bool = True) -> dict[str, Any] | None:
        """Return an item as it is now. Without `is_current` it may be a moment old, at half the price."""
        if not 0 < len(key.encode(errors="replace")) <= MAX_KEY_BYTES:
            return None
        response = self._client.get_item(TableName=self._table_name, Key={"id": key}, ConsistentRead=is_current)
        item: dict[str, Any] | None = response.get("Item")
        return item

    def _items(self, keys: Iterable[str], **options: Any) -> dict[str, Mapping[str, Any]]:
        """Return the items of up to 100 keys as they are now, an empty one for a key that has none.

        DynamoDB may leave out some of the keys; they are missing, because nothing is known about them. `options` are
        those of a table in BatchGetItem. A projection must contain `id`.
        """
        # DynamoDB refuses a key that comes twice.
        wanted = [{"id": key} for key in dict.fromkeys(keys)]
        request = {self._table_name: {"Keys": wanted, "ConsistentRead": True, **options}}
        response = self._client.batch_get_item(RequestItems=request)
        unread = response["UnprocessedKeys"].get(self._table_name, {}).get("Keys", ())
        found = {item["id"]: item for item in response["Responses"].get(self._table_name, ())}
        return {key["id"]: found.get(key["id"], {}) for key in wanted if key not in unread}

    def _update(self, request: Request) -> bool:
        """Return False if the condition of an UpdateItem is not true."""
        return self._write(self._client.update_item, request)

    def _write(self, operation: Callable[..., object], request: Request) -> bool:
        try:
            operation(TableName=self._table_name, **request)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True
