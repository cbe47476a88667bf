"""Calls of Darkroom's HTTP API about batches of tasks."""

import json
import math
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol, TypeAlias, TypedDict
from urllib.parse import quote, urlencode

from darkroom.batch_snapshot import BatchSnapshot
from darkroom.errors import DeadlinePassed
from darkroom.operation import Item, Iteration, Operation, Pause

#: Seconds between two polls of a batch.
BATCH_POLL_SECONDS: Final = 1.0
_PATH: Final = "/v1alpha2/batches"
#: Tasks of a batch: JSON lines, a JSON array, or documents such as those of `prepare`.
TasksToSend: TypeAlias = bytes | Iterable[Mapping[str, Any]]


class BatchArguments(TypedDict, total=False):
    """Keyword arguments of a batch."""

    #: By default a new one.
    id: str
    #: Make a task of each choice in prompts: `a {red|blue} star`.
    expand: bool
    #: Publish a callback when the batch has ended.
    callback: bool
    #: Address that receives the end of the batch.
    webhook: str


class CallJson(Protocol):
    """Sends one request and returns the document that the API answers with."""

    def __call__(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Operation[dict[str, Any]]:
        """Return the document."""


class BatchCalls:
    """Makes the operations about batches."""

    def __init__(self, *, call: CallJson, clock: Callable[[], float]) -> None:
        self._call = call
        self._clock = clock

    def submit(self, tasks: TasksToSend, options: BatchArguments) -> Operation[BatchSnapshot]:
        """Post a batch."""
        body = tasks if isinstance(tasks, bytes) else b"\n".join(json.dumps(task).encode() for task in tasks)
        headers = {"content-type": "application/json" if body.lstrip()[:1] == b"[" else "application/x-ndjson"}
        # A repetition after a lost answer has the same id, so it is the same batch.
        given = {"id": f"batch-{secrets.token_hex(8)}", **options}
        query = {name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()}
        return BatchSnapshot.of((yield from self._call("POST", f"{_PATH}?{urlencode(query)}", body, headers)))

    def get(self, batch_id: str) -> Operation[BatchSnapshot]:
        """Read a batch."""
        return BatchSnapshot.of((yield from self._call("GET", _path_of(batch_id))))

    def cancel(self, batch_id: str) -> Operation[BatchSnapshot]:
        """Begin to cancel a batch."""
        return BatchSnapshot.of((yield from self._call("DELETE", _path_of(batch_id))))

    def retry(self, batch_id: str) -> Operation[BatchSnapshot]:
        """Submit the failed tasks of a batch as another one."""
        return BatchSnapshot.of((yield from self._call("POST", f"{_path_of(batch_id)}/retry")))

    def list(self) -> Iteration[BatchSnapshot]:
        """Hand out the batches of all pages."""
        query = ""
        while True:
            page = yield from self._call("GET", f"{_PATH}{query}")
            for document in page["batches"]:
                yield Item(BatchSnapshot.of(document))
            if page["next"] is None:
                return
            query = f"?{urlencode({'next': page['next']})}"

    def watch(self, batch_id: str, timeout_seconds: float | None) -> Iteration[BatchSnapshot]:
        """Hand out a batch whenever it has changed, until all its tasks have ended."""
        deadline = self._clock() + (math.inf if timeout_seconds is None else timeout_seconds)
        last: BatchSnapshot | None = None
        while last is None or not last.is_final:
            batch = yield from self.get(batch_id)
            if batch != last:
                yield Item(batch)
            last = batch
            if not batch.is_final:
                if self._clock() >= deadline:
                    message = f"batch {batch_id} is still active after {timeout_seconds:g} s"
                    raise DeadlinePassed(message, task_ids=[batch_id])
                yield Pause(BATCH_POLL_SECONDS)


def _path_of(batch_id: str) -> str:
    return f"{_PATH}/{quote(batch_id, safe='')}"
