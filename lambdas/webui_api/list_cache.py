"""Cache of the lists of a runtime's Web UI: equal on all its replicas, and available while no replica runs."""

import json
from collections.abc import Callable
from typing import Any, Final

from contract.storage import webui_list_key
from task_store.task_bucket import MessageLost, TaskBucket

#: Milliseconds for which a list is answered without asking a replica. Lists change with the image and the models of a
#: runtime, which are minutes in the making anyway, and `refresh-*` asks anew.
MAX_AGE_MS: Final = 600_000
#: Lists that every call asks a replica for.
NEVER_KEPT: Final = frozenset({"sdapi/v1/memory"})
#: Which list each `refresh-*` makes stale.
LIST_OF_REFRESH: Final = {
    "sdapi/v1/refresh-checkpoints": "sdapi/v1/sd-models",
    "sdapi/v1/refresh-vae": "sdapi/v1/sd-vae",
    "sdapi/v1/refresh-loras": "sdapi/v1/loras",
    "sdapi/v1/refresh-embeddings": "sdapi/v1/embeddings",
}


def listed_checkpoint(name: str) -> dict[str, Any]:
    """Return a checkpoint of the model bucket as `sd-models` lists those that were never loaded."""
    bare = name.rpartition(".")[0]
    return {"title": name, "model_name": bare, "hash": None, "sha256": None, "filename": name, "config": None}


class ListCache:
    """Lists by runtime and endpoint, in the task bucket."""

    def __init__(self, *, bucket: TaskBucket, now_ms: Callable[[], int]) -> None:
        self._bucket = bucket
        self._now_ms = now_ms

    def read(self, runtime: str, endpoint: str) -> Any:
        """Return the body of a list, or None if it must be asked for. No list is null."""
        try:
            kept = json.loads(self._bucket.get(webui_list_key(runtime, endpoint)))
        except MessageLost:
            return None
        return kept["body"] if self._now_ms() - kept["read_at_ms"] <= MAX_AGE_MS else None

    def keep(self, runtime: str, endpoint: str, body: Any) -> None:
        """Keep a list that was just answered."""
        if endpoint not in NEVER_KEPT:
            kept = {"read_at_ms": self._now_ms(), "body": body}
            self._bucket.put(webui_list_key(runtime, endpoint), json.dumps(kept))

    def forget(self, runtime: str, endpoint: str) -> None:
        """Expire a list, so that the next call asks a replica."""
        self._bucket.put(webui_list_key(runtime, endpoint), json.dumps({"read_at_ms": 0, "body": None}))
