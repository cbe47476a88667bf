"""Tasks of a batch as they are stored between its acceptance and their submission: JSON lines in the task bucket."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from contract.batch import MAX_BATCH_BYTES, Batch, tasks_key
from contract.errors import MessageTooLarge
from contract.json_values import compact_json
from task_store.task_bucket import TaskBucket


class BatchTask(NamedTuple):
    """One task of a batch: its id, and the request as its sender wrote it, with this id."""

    id: str
    body: dict[str, Any]


class BatchTasks:
    """Stores and reads the tasks of a batch."""

    def __init__(self, *, bucket: TaskBucket) -> None:
        self._bucket = bucket

    def write(self, batch: Batch, tasks: Sequence[BatchTask]) -> None:
        """Store the tasks of a batch; raises MessageTooLarge."""
        text = "\n".join(compact_json(task) for task in tasks)
        if len(text) > MAX_BATCH_BYTES:
            raise MessageTooLarge(
                f"the tasks take {len(text)} bytes of JSON; a batch may have {MAX_BATCH_BYTES}: pass links to pictures"
                " instead of base64, or send more than one batch"
            )
        self._bucket.put(tasks_key(batch), text)

    def read(self, batch: Batch) -> list[BatchTask]:
        """Return the tasks of a batch, the first of which has the number 1; raises MessageLost."""
        return [BatchTask(*json.loads(line)) for line in self._bucket.get(tasks_key(batch)).splitlines()]
