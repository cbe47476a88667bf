"""Reader of batches: shows, lists and cancels them."""

import re
from collections.abc import Mapping
from typing import Final

from contract.batch import Batch, batch_id, batch_key
from contract.errors import BatchFinished, BatchNotFound, FieldError, InvalidTask
from contract.tenancy import Tenant
from lambdas.batch_api.batch_view import BatchPage, BatchTaskPage, ShownBatch, show_batch, show_tasks
from lambdas.http.query import read_number
from lambdas.messaging.queues import BatchQueue
from lambdas.runtime.observability import logger
from lambdas.tasks.batch_tasks import BatchTasks
from task_store.batches import BatchRepository

DEFAULT_LIST_LIMIT: Final = 20
#: Batches of one page, each of which is read separately.
MAX_LIST_LIMIT: Final = 50
#: Position in the list: the time of submission and the key of the last listed batch.
_POSITION: Final = re.compile(r"([0-9]{1,15})/([A-Za-z0-9._:/-]{1,200})", re.ASCII)
#: Later than every time of submission.
_END_MS: Final = 10**15


class BatchReader:
    """Answers requests about batches; raises the contract's errors."""

    def __init__(self, *, batches: BatchRepository, tasks: BatchTasks, queue: BatchQueue) -> None:
        self._batches = batches
        self._tasks = tasks
        self._queue = queue

    def find(self, id_: str, tenant: Tenant) -> Batch:
        """Return the batch of a tenant; raises BatchNotFound, also for that of another tenant."""
        batch = self._batches.read(batch_key(tenant.key_of(id_)))
        if batch is None:
            raise BatchNotFound(f"there is no batch {id_[:128]!r}: it was never sent, or its retention has ended")
        return batch

    def show(self, batch: Batch, tenant: Tenant) -> ShownBatch:
        """Return all that a tenant may know of a batch."""
        return show_batch(batch, batch_id=tenant.id_of(batch_id(batch.key)))

    def list(self, parameters: Mapping[str, str], *, tenant: Tenant) -> BatchPage:
        """Return a page of the batches that a tenant sees, the newest first."""
        given = dict(parameters)
        errors: list[FieldError] = []
        limit = read_number(given.pop("limit", str(DEFAULT_LIST_LIMIT)), "limit", MAX_LIST_LIMIT, errors)
        token = given.pop("next", None)
        position = _POSITION.fullmatch(token) if token is not None else None
        if token is not None and position is None:
            errors.append(FieldError("next", "is not what an earlier answer gave as next; leave it out to begin anew"))
        errors += [FieldError(name[:40], "is not a parameter of this call; write any of limit, next") for name in given]
        if errors:
            raise InvalidTask(errors)
        before = (int(position[1]), position[2]) if position else (_END_MS, "")
        found = sorted(
            (
                entry
                for owner in tenant.visible
                # Batches of the same millisecond may come before the position.
                for entry in self._batches.newest(owner, until_ms=before[0], limit=2 * limit + 1)
                if entry < before
            ),
            reverse=True,
        )
        page = found[:limit]
        read = [batch for _, key in page if (batch := self._batches.read(key))]
        following = f"{page[-1][0]}/{page[-1][1]}" if len(found) > limit else None
        return {"batches": [self.show(batch, tenant) for batch in read], "next": following}

    def tasks(self, batch: Batch, parameters: Mapping[str, str]) -> BatchTaskPage:
        """Return a page of the tasks of a batch."""
        return show_tasks(batch, self._tasks.read(batch), parameters)

    def cancel(self, batch: Batch, tenant: Tenant) -> ShownBatch:
        """Begin to cancel the active tasks of a batch; cancelling it again is no error."""
        if self._batches.cancel(batch):
            logger().info("batch_cancelled", batch_id=batch.id, tenant=batch.tenant)
        current = self.find(tenant.id_of(batch_id(batch.key)), tenant)
        if current.cancelled_at_ms is None:
            raise BatchFinished(f"batch {batch.id} is {current.status.value} already and cannot be cancelled")
        if not current.is_final:
            self._queue.send(current.key)
        return self.show(current, tenant)
