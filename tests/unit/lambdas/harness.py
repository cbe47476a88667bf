"""Harness of the functions' tests: table, buckets and topics in this process."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import boto3

from contract import record, transitions
from contract.batch import Ended
from contract.lease import Lease, ProgressReport
from contract.routing import Catalogue, Limits, Runtime
from contract.tenancy import SHARED, Tenant
from lambdas.expire_tasks.task_reaper import TaskReaper
from lambdas.read_task.task_reader import TaskReader
from lambdas.tasks.active_task_limit import ActiveTaskLimit
from lambdas.tasks.caller_tasks import CallerTasks
from lambdas.tasks.checkpoint_catalogue import CheckpointCatalogue
from lambdas.tasks.output_bucket import OutputBucket
from lambdas.tasks.own_links import OwnLinks
from lambdas.tasks.publisher import TaskPublisher
from lambdas.tasks.queue_place import QueuePlaces
from lambdas.tasks.submission import TaskSubmission
from lambdas.tasks.waiter import TaskWaiter
from task_store.batches import BatchRepository
from task_store.repository import TaskRepository
from task_store.task_bucket import TaskBucket

NOW_MS = 1_700_000_000_000
MakeTask = Callable[..., dict[str, Any]]
SubmitTask = Callable[..., str]
#: A task that carries a token, which is stored nowhere.
SYNC_WITH_TOKEN = {
    "task": {
        "metadata": {"id": "a", "runtime": "dynamic", "tasktype": "webui-api"},
        "content": {
            "api": {"method": "POST", "endpoint": "v1/sync"},
            "payload": {"repo_id": "a/b", "sync_path": "VAE", "hf_token": "hf_secret"},
        },
    }
}
CATALOGUE = Catalogue(
    [
        Runtime(name="sdruntime", model_filename="v1-5-pruned-emaonly.safetensors", limits=Limits(width=1024)),
        Runtime(name="dynamic", dynamic_model=True, model_calls=True),
    ]
)
#: The same with runtimes for workflows.
PIPELINE_CATALOGUE = Catalogue(
    [
        Runtime(name="sdruntime", dynamic_model=True, pipeline_runtime="comfyui"),
        Runtime(name="comfyui", type="comfyui"),
        Runtime(name="paid", type="comfyui", api_nodes=True),
        Runtime(name="tiled", type="comfyui", allowed_nodes=("*", "UpscaleTiles")),
    ]
)


@dataclass
class FakeTopic:
    """Records what was published. The next `failures` publications fail, before or after the message is sent."""

    sent: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    failures: int = 0
    fails_after_sending: bool = False
    error: Exception = field(default_factory=lambda: ConnectionError("AWS refuses"))

    def publish(self, body: str, attributes: Mapping[str, str], *, group: str | None = None) -> None:
        self.groups.append(group)
        if self.failures:
            self.failures -= 1
            if self.fails_after_sending:
                self.sent.append((body, dict(attributes)))
            raise self.error
        self.sent.append((body, dict(attributes)))


@dataclass
class FakeWebhookQueue:
    """Records the records whose webhooks must be delivered."""

    sent: list[Ended] = field(default_factory=list)

    def send(self, ended: Ended) -> None:
        if ended.webhook:
            self.sent.append(ended)


@dataclass
class FakeBatchQueue:
    """Records the keys of the batches that continue."""

    sent: list[str] = field(default_factory=list)

    def send(self, key: str, *, delay_seconds: int = 0) -> None:
        assert 0 <= delay_seconds <= 900
        self.sent.append(key)


@dataclass
class Harness:
    """Table, buckets and topics of the functions, with the services that most functions share."""

    repository: TaskRepository
    task_bucket: TaskBucket
    models: CheckpointCatalogue
    task_topic: FakeTopic
    completion_topic: FakeTopic
    webhooks: FakeWebhookQueue
    batches: BatchRepository
    batch_queue: FakeBatchQueue
    publisher: TaskPublisher
    dynamodb: Any
    s3: Any
    catalogue: Catalogue = CATALOGUE
    now_ms: int = NOW_MS
    submission: TaskSubmission = field(init=False)

    def __post_init__(self) -> None:
        self.submission = self.submission_of(self.catalogue)

    def submission_of(self, catalogue: Catalogue, limit: ActiveTaskLimit | None = None) -> TaskSubmission:
        """Return a submission to other runtimes, or one with a limit."""
        return TaskSubmission(
            catalogue=catalogue,
            find_checkpoint=self.models.find_checkpoint,
            has_object=self.models.has_object,
            own_links=OwnLinks(client=self.s3, task_bucket="task-bucket", output_bucket="output-bucket"),
            repository=self.repository,
            bucket=self.task_bucket,
            publisher=self.publisher,
            now_ms=lambda: self.now_ms,
            limit=limit,
            is_redelivered=True,
        )

    def tasks(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> CallerTasks:
        """Return what each way into the HTTP API uses; a test chooses how the time passes while a caller waits."""
        return CallerTasks(
            catalogue=self.catalogue,
            repository=self.repository,
            task_bucket=self.task_bucket,
            outputs=OutputBucket(client=self.s3),
            output_bucket="output-bucket",
            places=QueuePlaces(repository=self.repository, now_ms=lambda: self.now_ms),
            models=self.models,
            submission=replace(self.submission, is_redelivered=False),
            waiter=TaskWaiter(repository=self.repository, clock=clock, sleep=sleep),
        )

    def reader(self) -> TaskReader:
        return TaskReader(tasks=self.tasks(), send_webhook=self.webhooks.send, now_ms=lambda: self.now_ms)

    def submit(
        self, body: dict[str, Any], submission_id: str = "s", *, tenant: Tenant = SHARED, **options: Any
    ) -> record.Record:
        return self.submission.submit(body, submission_id=submission_id, tenant=tenant, **options)

    def claim(self, task_id: str, *, owner: str = "replica", lease_ms: int = 60_000) -> record.Record:
        current = self.record(task_id)
        lease = Lease(task_id, current.run_id, owner)
        request = transitions.claim(lease, now_ms=self.now_ms, lease_ms=lease_ms)
        self.dynamodb.update_item(TableName="tasks", **request)
        return self.record(task_id)

    def release(self, task_id: str, error: dict[str, Any] | None) -> None:
        lease = Lease(task_id, self.record(task_id).run_id, "replica")
        request = transitions.release(lease, now_ms=self.now_ms, next_check_at_ms=self.now_ms, error=error)
        self.dynamodb.update_item(TableName="tasks", **request)

    def report(self, task_id: str, permille: int, sampling: Mapping[str, int | str], **known: Any) -> None:
        lease = Lease(task_id, self.record(task_id).run_id, "replica")
        request = transitions.report_progress(lease, ProgressReport(permille, sampling, **known))
        self.dynamodb.update_item(TableName="tasks", **request)

    def finish(self, task_id: str, outcome: transitions.Outcome, *, owner: str = "replica") -> None:
        lease = Lease(task_id, self.record(task_id).run_id, owner)
        request = transitions.finish(lease, outcome, now_ms=self.now_ms, retention_seconds=60)
        self.dynamodb.update_item(TableName="tasks", **request)

    def reaper(self, now_ms: Callable[[], int] | None = None) -> TaskReaper:
        return TaskReaper(
            repository=self.repository,
            publisher=self.publisher,
            batch_queue=self.batch_queue,
            now_ms=now_ms or (lambda: self.now_ms),
        )

    def error_code(self, task_id: str) -> str:
        error = self.record(task_id).error
        assert error is not None
        return str(error["code"])

    def record(self, task_id: str) -> record.Record:
        found = self.repository.read(task_id)
        assert found is not None
        return found


@cache
def client(service: Any) -> Any:
    """Return the tests' one client of a service: making it takes longer than most tests, and moto answers any."""
    return _session().client(service)


@cache
def dynamodb_client() -> Any:
    """Return the tests' one client of DynamoDB that takes and gives plain values."""
    return _session().resource("dynamodb").meta.client


@cache
def _session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")


def waiting_variables(harness: Harness) -> dict[str, str]:
    """Return the variables of a function whose callers wait; its one key is `the-key` of the name `shop`."""
    secret = client("secretsmanager").create_secret(Name="key", SecretString="the-key")
    return {
        "TASK_TABLE": "tasks",
        "TASK_BUCKET": "task-bucket",
        "MODEL_BUCKET": "model-bucket",
        "OUTPUT_BUCKET": "out",
        "TASK_TOPIC_ARN": client("sns").create_topic(Name="tasks")["TopicArn"],
        "RUNTIMES": harness.catalogue.to_json(),
        "RETENTION_SECONDS": "3600",
        "TENANCY": "{}",
        "API_KEY_SECRET_ARNS": json.dumps({"shop": secret["ARN"]}),
    }


def create_table(dynamodb: Any) -> None:
    numbers = {"submitted_at_ms", "due_at_ms"}
    indexes = (record.RUNTIME_INDEX_KEYS, record.DUE_INDEX_KEYS, record.SESSION_INDEX_KEYS, record.ACTIVE_INDEX_KEYS)
    keys = {"id", *(name for index in indexes for name in index)}

    def schema(*names: str) -> list[dict[str, str]]:
        return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]

    listed = list(record.RUNTIME_INDEX_ATTRIBUTES)
    dynamodb.create_table(
        TableName="tasks",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=schema("id"),
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "N" if name in numbers else "S"} for name in sorted(keys)
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": record.RUNTIME_INDEX,
                "KeySchema": schema(*record.RUNTIME_INDEX_KEYS),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": listed},
            },
            {
                "IndexName": record.ACTIVE_INDEX,
                "KeySchema": schema(*record.ACTIVE_INDEX_KEYS),
                "Projection": {
                    "ProjectionType": "INCLUDE",
                    "NonKeyAttributes": list(record.ACTIVE_INDEX_ATTRIBUTES),
                },
            },
            {
                "IndexName": record.DUE_INDEX,
                "KeySchema": schema(*record.DUE_INDEX_KEYS),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
            {
                "IndexName": record.SESSION_INDEX,
                "KeySchema": schema(*record.SESSION_INDEX_KEYS),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
        ],
    )


def task(task_id: object = "test-t2i", content: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    body = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image", "context": {"abc": 123}} | metadata
    return {"task": {"metadata": body, "content": {"prompt": "A dog"} | (content or {})}}


def item(harness: Harness, task_id: str = "a") -> dict[str, Any]:
    """Return the item of a task as the table holds it."""
    found: dict[str, Any] = harness.dynamodb.get_item(TableName="tasks", Key={"id": task_id})["Item"]
    return found
