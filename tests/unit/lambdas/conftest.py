"""Fixtures of the functions' tests: environment, table and buckets in this process."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from lambdas.tasks.model_bucket import ModelBucket
from lambdas.tasks.publisher import TaskPublisher
from lambdas.tasks.submission import TaskSubmission
from task_store.repository import TaskRepository
from task_store.task_bucket import TaskBucket
from tests.unit.lambdas.harness import (
    FakeTopic,
    FakeWebhookQueue,
    Harness,
    MakeTask,
    client,
    create_table,
    dynamodb_client,
    task,
)


@pytest.fixture(autouse=True)
def _powertools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "test")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Darkroom")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "test")
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")


@pytest.fixture
def world() -> Iterator[Harness]:
    dynamodb, s3 = dynamodb_client(), client("s3")
    with mock_aws():
        create_table(dynamodb)
        for name in ("task-bucket", "model-bucket"):
            s3.create_bucket(Bucket=name)
        s3.put_object(Bucket="model-bucket", Key="Stable-diffusion/painting.safetensors", Body=b"weights")
        table = TaskRepository(client=dynamodb, table_name="tasks", retention_seconds=3600, now_ms=lambda: made.now_ms)
        bucket = TaskBucket(client=s3, bucket="task-bucket")
        topic = FakeTopic()
        publisher = TaskPublisher(topic=topic, bucket=bucket, repository=table)
        made = Harness(
            table=table,
            task_bucket=bucket,
            models=ModelBucket(client=s3, bucket="model-bucket"),
            task_topic=topic,
            completion_topic=FakeTopic(),
            webhooks=FakeWebhookQueue(),
            publisher=publisher,
            tasks=TaskSubmission(repository=table, bucket=bucket, publisher=publisher),
            dynamodb=dynamodb,
            s3=s3,
        )
        yield made


@pytest.fixture
def make_task() -> MakeTask:
    return task
