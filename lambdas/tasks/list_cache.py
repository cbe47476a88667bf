"""Cache of the lists of a runtime's Web UI, which are equal on all its replicas; it works without replicas."""

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from contract.storage import webui_list_key
from task_store.task_bucket import MessageLost, TaskBucket

#: Milliseconds for which a list is valid. Lists change with the image and the models of a runtime, which take minutes
#: to change, and `refresh-*` expires a list.
MAX_AGE_MS: Final = 600_000
#: Lists that are never cached, so every call asks a replica.
NEVER_CACHED: Final = frozenset({"sdapi/v1/memory"})
#: List that each `refresh-*` expires.
LIST_OF_REFRESH: Final = {
    "sdapi/v1/refresh-checkpoints": "sdapi/v1/sd-models",
    "sdapi/v1/refresh-vae": "sdapi/v1/sd-vae",
    "sdapi/v1/refresh-loras": "sdapi/v1/loras",
    "sdapi/v1/refresh-embeddings": "sdapi/v1/embeddings",
}


def listed_checkpoint(name: str) -> dict[str, Any]:
    """Return a checkpoint of the model bucket as `sd-models` lists a checkpoint that was never loaded."""
    bare = name.rpartition(".")[0]
    return {"title": name, "model_name": bare, "hash": None, "sha256": None, "filename": name, "config": None}


class CachedList(NamedTuple):
    """Body of a list, and when a replica returned it."""

    read_at_ms: int
    body: Any


class ListCache:
    """Lists by runtime and endpoint, in the task bucket."""

    def __init__(self, *, bucket: TaskBucket, now_ms: Callable[[], int]) -> None:
        self._bucket = bucket
        self._now_ms = now_ms

    def read(self, runtime: str, endpoint: str) -> Any:
        """Return the body of a list, or None if a replica must be asked. No list is null."""
        cached = self.latest(runtime, endpoint)
        return cached.body if cached and self._now_ms() - cached.read_at_ms <= MAX_AGE_MS else None

    def latest(self, runtime: str, endpoint: str) -> CachedList | None:
        """Return a list of any age, None if no replica was asked or a caller has expired it."""
        try:
            cached = json.loads(self._bucket.get(webui_list_key(runtime, endpoint)))
        except MessageLost:
            return None
        return CachedList(**cached) if cached["body"] is not None else None

    def store(self, runtime: str, endpoint: str, body: Any) -> None:
        """Store a list that a replica has just returned."""
        if endpoint not in NEVER_CACHED:
            cached = {"read_at_ms": self._now_ms(), "body": body}
            self._bucket.put(webui_list_key(runtime, endpoint), json.dumps(cached))

    def expire(self, runtime: str, endpoint: str) -> None:
        """Expire a list, so that the next call asks a replica."""
        self._bucket.put(webui_list_key(runtime, endpoint), json.dumps({"read_at_ms": 0, "body": None}))
