"""Reader of tasks: shows, lists and cancels tasks, and delivers their webhooks again."""

import contextlib
from collections.abc import Callable, Mapping
from typing import cast

from contract.errors import NoWebhook, TaskNotFinished, TooManyRedeliveries
from contract.heartbeat import HEARTBEAT_EXPIRY_MS
from contract.record import Record, Status
from contract.routing import Catalogue
from contract.task import TaskType
from contract.tenancy import Tenant
from contract.webhook import MAX_REDELIVERIES
from lambdas.messaging.webhook_queue import WebhookQueue
from lambdas.read_task.task_request import TaskRequest, show_request
from lambdas.runtime.observability import logger
from lambdas.tasks.cancellation import cancel, read_known
from lambdas.tasks.output_bucket import OutputBucket, OutputGone
from lambdas.tasks.queue_place import NO_PLACE, QueuePlace, QueuePlaces
from lambdas.tasks.shown_outputs import wants_inline, with_base64, with_nodes
from lambdas.tasks.task_list import list_tasks, parse_query
from lambdas.tasks.task_view import (
    ModelTransfer,
    ShownTask,
    StartingReplica,
    TaskPage,
    Wait,
    show_task,
)
from lambdas.tasks.workflow_files import WorkflowFiles
from task_store.repository import TaskRepository
from task_store.task_bucket import TaskBucket


class TaskReader:
    """Answers requests about tasks; raises the contract's errors."""

    def __init__(
        self,
        *,
        repository: TaskRepository,
        catalogue: Catalogue,
        webhooks: WebhookQueue,
        output_bucket: str,
        outputs: OutputBucket,
        task_bucket: TaskBucket,
        now_ms: Callable[[], int],
        places: QueuePlaces,
    ) -> None:
        self._repository = repository
        self._catalogue = catalogue
        self._webhooks = webhooks
        self._output_bucket = output_bucket
        self._outputs = outputs
        self._task_bucket = task_bucket
        self._now_ms = now_ms
        self._places = places
        self._files = WorkflowFiles(outputs=outputs)

    def show(self, task_id: str, parameters: Mapping[str, str] | None = None, *, tenant: Tenant) -> ShownTask:
        """Return a task, with its outputs inline if the query parameters ask for them."""
        is_inline = wants_inline(parameters)
        record = read_known(self._repository, task_id, tenant)
        task = self._show(record, tenant, self._places.of(record))
        if record.tasktype == TaskType.PIPELINE and record.status is Status.COMPLETED:
            # The list of the files may have been deleted before the files.
            with contextlib.suppress(OutputGone):
                task = with_nodes(task, self._files.of(record))
        return with_base64(task, outputs=self._outputs) if is_inline else task

    def request(self, task_id: str, *, tenant: Tenant) -> TaskRequest:
        """Return what the sender of a task asked for."""
        record = read_known(self._repository, task_id, tenant)
        return show_request(record, bucket=self._task_bucket, outputs=self._outputs)

    def list(self, parameters: Mapping[str, str] | None, *, tenant: Tenant) -> TaskPage:
        """Return a page of the tasks that a tenant sees."""
        query = parse_query(parameters, self._catalogue)
        return list_tasks(
            query,
            repository=self._repository,
            tenant=tenant,
            output_bucket=self._output_bucket,
            presign=self._outputs.link,
        )

    def cancel(self, task_id: str, *, tenant: Tenant) -> ShownTask:
        """Cancel a waiting or running task; cancelling it again is no error."""
        return self._show(cancel(self._repository, read_known(self._repository, task_id, tenant)), tenant)

    def redeliver_webhook(self, task_id: str, *, tenant: Tenant) -> ShownTask:
        """Deliver the webhook of a finished task again."""
        record = read_known(self._repository, task_id, tenant)
        if record.webhook is None:
            raise NoWebhook(f"task {task_id} was sent without a webhook")
        if not record.is_final:
            raise TaskNotFinished(f"task {task_id} is {record.status.value}; its webhook is called when it has ended")
        # The record is written before the message is sent, because the delivery may be faster than a later write.
        if not self._repository.redeliver_webhook(record):
            raise TooManyRedeliveries(
                f"the webhook of task {task_id} was delivered again {MAX_REDELIVERIES} times, or the task runs again;"
                " read the task instead"
            )
        self._webhooks.send(record)
        logger().info("webhook_redelivered", task_id=task_id, run_id=record.run_id)
        return self._show(read_known(self._repository, task_id, tenant), tenant)

    def _show(self, record: Record, tenant: Tenant, place: QueuePlace = NO_PLACE) -> ShownTask:
        shown = show_task(record, output_bucket=self._output_bucket, presign=self._outputs.link, place=place)
        return {**shown, "id": tenant.id_of(record.key), "waits_for": self._waits_for(record)}

    def _waits_for(self, record: Record) -> Wait | None:
        """Return what a waiting task waits for: its turn, or a replica of its runtime."""
        if record.status is not Status.IN_QUEUE:
            return None
        since_ms = self._now_ms() - HEARTBEAT_EXPIRY_MS
        replicas = len(self._repository.live_replicas(record.runtime, since_ms=since_ms))
        if replicas:
            return {"reason": "turn", "replicas": replicas, "starting": []}
        reports = self._repository.starting_replicas(record.runtime, since_ms=since_ms)
        starting: list[StartingReplica] = [
            {
                "phase": "models" if models["bytes_done"] < models["bytes"] else "webui",
                "models": cast("ModelTransfer", models),
            }
            for models in reports
        ]
        return {"reason": "replica", "replicas": 0, "starting": starting}
