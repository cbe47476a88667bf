"""Lists in an environment file whose entries must differ."""

from collections.abc import Callable
from typing import TypeVar

_Item = TypeVar("_Item")


def unique(items: tuple[_Item, ...], key: Callable[[_Item], object], what: str) -> tuple[_Item, ...]:
    """Return the items; raise ValueError if two of them have the same `key`, which is called `what`."""
    seen: dict[object, int] = {}
    for index, item in enumerate(items):
        if key(item) in seen:
            raise ValueError(f"entries {seen[key(item)]} and {index} have the same {what}; give each its own")
        seen[key(item)] = index
    return items
