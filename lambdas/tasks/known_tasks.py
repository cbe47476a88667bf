"""Recorded tasks as the callers of the HTTP API know them, the same for every way in: those of their tenant."""

from collections.abc import Mapping
from dataclasses import dataclass

from contract.record import Record
from contract.routing import Catalogue
from contract.tenancy import Tenant
from lambdas.tasks.cancellation import cancel, not_found
from lambdas.tasks.output_bucket import OutputBucket
from lambdas.tasks.queue_place import QueuePlaces
from lambdas.tasks.task_list import list_tasks, parse_query
from lambdas.tasks.task_view import ShownTask, TaskPage, show_task
from task_store.repository import TaskRepository
from task_store.task_bucket import TaskBucket


@dataclass(frozen=True, kw_only=True)
class KnownTasks:
    """Reads, cancels, shows and lists recorded tasks; raises the contract's errors."""

    catalogue: Catalogue
    repository: TaskRepository
    task_bucket: TaskBucket
    outputs: OutputBucket
    output_bucket: str
    places: QueuePlaces

    def read(self, task_id: str, tenant: Tenant, *, runtime: str | None = None) -> Record:
        """Return the record of a tenant's task, and only of this runtime if the path of the call names one.

        Raises:
            TaskNotFound: the task never existed, or is another tenant's or another runtime's.
            RuntimeNotFound: there is no such runtime.
        """
        if runtime is not None:
            self.catalogue.require(runtime)
        record = self.repository.read(tenant.key_of(task_id))
        if record is None or runtime not in {None, record.runtime}:
            raise not_found(task_id)
        return record

    def cancel(self, record: Record) -> Record:
        """Cancel a waiting or running task; cancelling it again is no error. Raises TaskFinished."""
        return cancel(self.repository, record)

    def show(self, record: Record) -> ShownTask:
        """Return all that a caller may know of a task."""
        place = self.places.of(record)
        return show_task(record, output_bucket=self.output_bucket, presign=self.outputs.link, place=place)

    def list(self, parameters: Mapping[str, str] | None, tenant: Tenant) -> TaskPage:
        """Return a page of the tasks that a tenant sees; raises InvalidTask with every broken parameter."""
        return list_tasks(
            parse_query(parameters, self.catalogue),
            repository=self.repository,
            tenant=tenant,
            output_bucket=self.output_bucket,
            presign=self.outputs.link,
        )
