"""Read of several items of the task table with one call."""

from collections.abc import Iterable, Mapping
from typing import Any


def read_items(client: Any, table_name: str, keys: Iterable[str], **options: Any) -> dict[str, Mapping[str, Any]]:
    """Return the items of up to 100 keys as they are now, an empty one for a key that has none.

    DynamoDB may leave out some of the keys; they are missing, because nothing is known about them. `options` are those
    of a table in BatchGetItem. A projection must contain `id`.
    """
    # DynamoDB refuses a key that comes twice.
    wanted = [{"id": key} for key in dict.fromkeys(keys)]
    request = {table_name: {"Keys": wanted, "ConsistentRead": True, **options}}
    response = client.batch_get_item(RequestItems=request)
    unread = response["UnprocessedKeys"].get(table_name, {}).get("Keys", ())
    found = {item["id"]: item for item in response["Responses"].get(table_name, ())}
    return {key["id"]: found.get(key["id"], {}) for key in wanted if key not in unread}
