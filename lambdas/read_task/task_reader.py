"""Reader of tasks: shows, lists and cancels tasks, and delivers their webhooks again."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Final, cast

from contract.errors import NoWebhook, TaskNotFinished, TooManyRedeliveries
from contract.heartbeat import HEARTBEAT_EXPIRY_MS
from contract.record import Record, Status
from contract.task import TaskType
from contract.tenancy import Tenant
from contract.webhook import MAX_REDELIVERIES
from lambdas.read_task.task_request import TaskRequest, show_request
from lambdas.runtime.observability import logger
from lambdas.runtime.recent_values import RecentValues
from lambdas.tasks.known_tasks import KnownTasks
from lambdas.tasks.output_bucket import OutputGone
from lambdas.tasks.shown_outputs import wants_inline, with_base64, with_nodes
from lambdas.tasks.task_view import ModelTransfer, ShownTask, StartingReplica, TaskPage, Wait
from lambdas.tasks.workflow_files import workflow_files

#: Milliseconds for which the waiting tasks of a runtime share what is known of its replicas.
MAX_AGE_MS: Final = 2_000


class TaskReader:
    """Answers requests about tasks; raises the contract's errors."""

    def __init__(self, *, tasks: KnownTasks, send_webhook: Callable[[Record], None], now_ms: Callable[[], int]) -> None:
        self._tasks = tasks
        self._send_webhook = send_webhook
        self._now_ms = now_ms
        self._waits: RecentValues[Wait] = RecentValues(max_age_ms=MAX_AGE_MS, now_ms=now_ms)

    def show(self, task_id: str, parameters: Mapping[str, str] | None = None, *, tenant: Tenant) -> ShownTask:
        """Return a task, with its outputs inline if the query parameters ask for them."""
        is_inline = wants_inline(parameters)
        record = self._tasks.read(task_id, tenant)
        task = self._show(record, tenant)
        if record.tasktype == TaskType.PIPELINE and record.status is Status.COMPLETED:
            # The list of the files may have been deleted before the files.
            with contextlib.suppress(OutputGone):
                task = with_nodes(task, workflow_files(record, self._tasks.outputs))
        return with_base64(task, outputs=self._tasks.outputs) if is_inline else task

    def request(self, task_id: str, *, tenant: Tenant) -> TaskRequest:
        """Return what the sender of a task asked for."""
        record = self._tasks.read(task_id, tenant)
        return show_request(record, bucket=self._tasks.task_bucket, outputs=self._tasks.outputs)

    def list(self, parameters: Mapping[str, str] | None, *, tenant: Tenant) -> TaskPage:
        """Return a page of the tasks that a tenant sees."""
        return self._tasks.list(parameters, tenant)

    def cancel(self, task_id: str, *, tenant: Tenant) -> ShownTask:
        """Cancel a waiting or running task; cancelling it again is no error."""
        return self._show(self._tasks.cancel(self._tasks.read(task_id, tenant)), tenant)

    def redeliver_webhook(self, task_id: str, *, tenant: Tenant) -> ShownTask:
        """Deliver the webhook of a finished task again."""
        record = self._tasks.read(task_id, tenant)
        if record.webhook is None:
            raise NoWebhook(f"task {task_id} was sent without a webhook")
        if not record.is_final:
            raise TaskNotFinished(f"task {task_id} is {record.status.value}; its webhook is called when it has ended")
        # The record is written before the message is sent, because the delivery may be faster than a later write.
        if not self._tasks.repository.redeliver_webhook(record):
            raise TooManyRedeliveries(
                f"the webhook of task {task_id} was delivered again {MAX_REDELIVERIES} times, or the task runs again;"
                " read the task instead"
            )
        self._send_webhook(record)
        logger().info("webhook_redelivered", task_id=task_id, run_id=record.run_id)
        return self._show(self._tasks.read(task_id, tenant), tenant)

    def _show(self, record: Record, tenant: Tenant) -> ShownTask:
        return {**self._tasks.show(record), "id": tenant.id_of(record.key), "waits_for": self._waits_for(record)}

    def _waits_for(self, record: Record) -> Wait | None:
        """Return what a waiting task waits for: its turn, or a replica of its runtime."""
        if record.status is not Status.IN_QUEUE:
            return None
        return self._waits.get(record.runtime, lambda: self._wait_at(record.runtime))

    def _wait_at(self, runtime: str) -> Wait:
        since_ms = self._now_ms() - HEARTBEAT_EXPIRY_MS
        replicas = len(self._tasks.repository.live_replicas(runtime, since_ms=since_ms))
        if replicas:
            return {"reason": "turn", "replicas": replicas, "starting": []}
        reports = self._tasks.repository.starting_replicas(runtime, since_ms=since_ms)
        starting: list[StartingReplica] = [
            {
                "phase": "models" if models["bytes_done"] < models["bytes"] else "webui",
                "models": cast("ModelTransfer", models),
            }
            for models in reports
        ]
        return {"reason": "replica", "replicas": 0, "starting": starting}
