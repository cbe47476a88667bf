"""Batches of the functions' tests: what answers requests, what submits the tasks, and what happens between them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from contract.batch import Batch, batch_key
from contract.record import Status
from contract.tenancy import SHARED, Tenancy, Tenant
from contract.transitions import Outcome
from lambdas.advance_batches.batch_worker import BatchWorker
from lambdas.batch_api.batch_acceptance import BatchAcceptance
from lambdas.batch_api.batch_check import BatchCheck
from lambdas.batch_api.batch_reader import BatchReader
from lambdas.http.application import Caller
from lambdas.notify.notifier import Notifier
from lambdas.tasks.batch_tasks import BatchTasks
from lambdas.tasks.own_links import OwnLinks
from tests.unit.lambdas.harness import Harness

FAILED = Outcome(Status.FAILED, error={"code": "out_of_memory", "message": "the GPU is full"})
DONE = Outcome(Status.COMPLETED, image_urls=("s3://b/k",), output_url="s3://b/o")


def always() -> bool:
    """Return True: the function has time."""
    return True


def plain_task(task_id: str | None = None, prompt: str = "A dog") -> dict[str, Any]:
    """Return a task; without `task_id` it has no id."""
    metadata = {"runtime": "sdruntime", "tasktype": "text-to-image"} | ({"id": task_id} if task_id else {})
    return {"task": {"metadata": metadata, "content": {"prompt": prompt}}}


@dataclass
class Batches:
    """The functions of batches on the harness."""

    harness: Harness
    tenancy: Tenancy = field(default_factory=Tenancy)

    @property
    def tasks(self) -> BatchTasks:
        return BatchTasks(bucket=self.harness.task_bucket)

    @property
    def reader(self) -> BatchReader:
        return BatchReader(batches=self.harness.batches, tasks=self.tasks, queue=self.harness.batch_queue)

    @property
    def worker(self) -> BatchWorker:
        return BatchWorker(
            batches=self.harness.batches,
            tasks=self.tasks,
            submission=self.harness.submission,
            repository=self.harness.repository,
            queue=self.harness.batch_queue,
            tenancy=self.tenancy,
        )

    def acceptance(self, clock: Callable[[], float] = lambda: 0.0) -> BatchAcceptance:
        own_links = OwnLinks(client=self.harness.s3, task_bucket="task-bucket", output_bucket="output-bucket")
        return BatchAcceptance(
            batches=self.harness.batches,
            tasks=self.tasks,
            bucket=self.harness.task_bucket,
            check=BatchCheck(
                catalogue=self.harness.catalogue,
                find_checkpoint=self.harness.models.find_checkpoint,
                has_object=self.harness.models.has_object,
                own_links=own_links,
                clock=clock,
            ),
            own_links=own_links,
            queue=self.harness.batch_queue,
            now_ms=lambda: self.harness.now_ms,
        )

    def accept(self, body: object, *, request: str = "r1", tenant: Tenant = SHARED, **query: str) -> Batch:
        """Accept a batch: an object or array, or JSON lines if it is text."""
        is_lines = isinstance(body, str)
        return self.acceptance().accept(
            body if isinstance(body, str) else json.dumps(body),
            content_type="application/x-ndjson; charset=utf-8" if is_lines else "application/json",
            query=query,
            caller=self.caller(request, tenant),
        )

    def caller(self, request: str = "r1", tenant: Tenant = SHARED) -> Caller:
        return Caller(request, tenant.name or "default", tenant)

    def send(self, tasks: Sequence[dict[str, Any]], **options: Any) -> Batch:
        """Accept a batch with the id `b`."""
        return self.accept({"id": "b", "tasks": list(tasks), **options})

    def advance(self, has_time: Callable[[], bool] = always) -> None:
        """Deliver the messages of the queue that wait, once each."""
        waiting, self.harness.batch_queue.sent = self.harness.batch_queue.sent, []
        for key in waiting:
            self.worker.advance(key, has_time=has_time)

    def read(self, id_: str = "b") -> Batch:
        batch = self.harness.batches.read(batch_key(id_))
        assert batch is not None
        return batch

    def end(self, task_id: str, outcome: Outcome = DONE) -> None:
        """Let a replica end a task, and the table's stream report it."""
        self.harness.claim(task_id)
        self.harness.finish(task_id, outcome)
        self.report(task_id)

    def report(self, task_id: str) -> None:
        """Let the table's stream report the end of a task."""
        self.notifier.notify(self.harness.record(task_id))

    @property
    def notifier(self) -> Notifier:
        return Notifier(completion_topic=self.harness.completion_topic, settle_task=self.harness.batches.settle_task)
