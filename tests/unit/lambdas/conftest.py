"""Fixtures of the functions' tests: environment, table and buckets in this process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from lambdas.tasks.checkpoint_catalogue import CheckpointCatalogue
from lambdas.tasks.publisher import TaskPublisher
from task_store.batches import BatchRepository
from task_store.repository import TaskRepository
from task_store.task_bucket import TaskBucket
from tests.harness.https_receiver import HttpsReceiver, https_receiver
from tests.unit.lambdas.harness import (
    PIPELINE_CATALOGUE,
    FakeBatchQueue,
    FakeTopic,
    FakeWebhookQueue,
    Harness,
    MakeTask,
    SubmitTask,
    client,
    create_table,
    dynamodb_client,
    task,
)
from tests.unit.lambdas.signing_secret import SECRET, SigningSecret


@pytest.fixture(autouse=True)
def _powertools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "test")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Darkroom")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "test")
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")


@pytest.fixture
def harness() -> Iterator[Harness]:
    dynamodb, s3 = dynamodb_client(), client("s3")
    with mock_aws():
        create_table(dynamodb)
        for name in ("task-bucket", "model-bucket", "output-bucket"):
            s3.create_bucket(Bucket=name)
        s3.put_object(Bucket="model-bucket", Key="Stable-diffusion/painting.safetensors", Body=b"weights")
        s3.put_object(Bucket="model-bucket", Key="checkpoints/sd_xl_turbo_1.0.safetensors", Body=b"weights")
        repository = TaskRepository(
            client=dynamodb, table_name="tasks", retention_seconds=3600, now_ms=lambda: made.now_ms
        )
        bucket = TaskBucket(client=s3, bucket="task-bucket")
        topic = FakeTopic()
        models = CheckpointCatalogue(client=s3, bucket="model-bucket")
        publisher = TaskPublisher(topic=topic, bucket=bucket, repository=repository)
        made = Harness(
            repository=repository,
            task_bucket=bucket,
            models=models,
            task_topic=topic,
            completion_topic=FakeTopic(),
            webhooks=FakeWebhookQueue(),
            batches=BatchRepository(
                client=dynamodb, table_name="tasks", retention_seconds=3600, now_ms=lambda: made.now_ms
            ),
            batch_queue=FakeBatchQueue(),
            publisher=publisher,
            dynamodb=dynamodb,
            s3=s3,
        )
        yield made


@pytest.fixture
def pipelines(harness: Harness) -> Harness:
    """The harness with runtimes for workflows, and an upload."""
    harness.catalogue = PIPELINE_CATALOGUE
    harness.submission = harness.submission_of(PIPELINE_CATALOGUE)
    harness.s3.put_object(Bucket="task-bucket", Key="uploads/shop/one.png", Body=b"upload")
    return harness


@pytest.fixture
def make_task() -> MakeTask:
    return task


@pytest.fixture
def secret(harness: Harness) -> SigningSecret:
    secrets = client("secretsmanager")
    arn = secrets.create_secret(Name="webhooks", SecretString=SECRET)["ARN"]
    return SigningSecret(arn, secrets)


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpsReceiver]:
    with https_receiver(tmp_path) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.authorities))
        yield server


@pytest.fixture
def submit(harness: Harness, make_task: MakeTask) -> SubmitTask:
    def submit_task(task_id: str = "a", submission_id: str = "s1", **metadata: Any) -> str:
        body = make_task(task_id, **metadata)
        harness.submit(body, submission_id)
        return str(harness.task_topic.sent[-1][0])

    return submit_task
