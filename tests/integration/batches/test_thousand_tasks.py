"""A thousand tasks and a killed function, against an AWS that processes reach over HTTP."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from contract.batch import Batch, BatchTaskState, batch_key
from contract.record import Record, Status, is_task
from contract.tenancy import SHARED
from lambdas.advance_batches.batch_worker import STEP
from lambdas.batch_api.batch_acceptance import BatchAcceptance
from lambdas.batch_api.batch_check import BatchCheck
from lambdas.http.application import Caller
from lambdas.messaging.queues import SqsQueue
from lambdas.tasks.batch_tasks import BatchTasks
from lambdas.tasks.checkpoint_catalogue import CheckpointCatalogue
from lambdas.tasks.own_links import OwnLinks
from task_store.batches import BatchRepository
from task_store.task_bucket import TaskBucket
from tests.harness.aws_endpoint import serve_aws
from tests.harness.eventually import eventually
from tests.unit.lambdas.harness import CATALOGUE, create_table

TASKS = 1000
#: Seconds for one process to submit all tasks on a busy machine.
SUBMIT_SECONDS = 600
PROJECT = Path(__file__).parents[3]
KEY = batch_key("b")
#: Settings of logs and metrics, for this process and the functions that it starts.
OBSERVABILITY = {
    "ENVIRONMENT": "test",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "POWERTOOLS_METRICS_NAMESPACE": "Darkroom",
    "POWERTOOLS_SERVICE_NAME": "advance_batches",
}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_thousand_tasks_survive_a_killed_function_and_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OBSERVABILITY.items():
        monkeypatch.setenv(name, value)
    with serve_aws() as url:
        session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")

        def client(service: Any) -> Any:
            return session.client(service, endpoint_url=url)

        dynamodb = session.resource("dynamodb", endpoint_url=url).meta.client
        create_table(dynamodb)
        for name in ("task-bucket", "model-bucket", "output-bucket"):
            client("s3").create_bucket(Bucket=name)
        topic = client("sns").create_topic(Name="tasks")["TopicArn"]
        queue_url = client("sqs").create_queue(QueueName="batches")["QueueUrl"]
        batches = BatchRepository(client=dynamodb, table_name="tasks", retention_seconds=3600, now_ms=lambda: 1_000)
        _accept(client, batches, queue_url)
        environment = os.environ | {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "TASK_TABLE": "tasks",
            "TASK_BUCKET": "task-bucket",
            "MODEL_BUCKET": "model-bucket",
            "OUTPUT_BUCKET": "output-bucket",
            "TASK_TOPIC_ARN": topic,
            "RUNTIMES": CATALOGUE.to_json(),
            "RETENTION_SECONDS": "3600",
            "TENANCY": "{}",
            "BATCH_QUEUE_URL": queue_url,
        }
        command = [sys.executable, "-m", "tests.integration.batches.submitter", KEY]

        def submitter() -> "subprocess.Popen[bytes]":
            return subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)

        def read() -> Batch:
            batch = batches.read(KEY)
            assert batch is not None
            return batch

        with submitter() as killed:
            eventually(lambda: read().submitted_count >= TASKS // 3, "a third of the tasks", SUBMIT_SECONDS)
            killed.send_signal(signal.SIGKILL)
        left = read().submitted_count
        assert TASKS // 3 <= left < TASKS
        assert left <= len(_records(dynamodb)) <= left + STEP
        with submitter() as repeated:
            assert repeated.wait(SUBMIT_SECONDS) == 0
        records = _records(dynamodb)
        assert sorted(record.batch_number or 0 for record in records) == list(range(1, TASKS + 1))
        assert all(record.published_at_ms for record in records)
        assert (read().submitted_count, len(read().active)) == (TASKS, TASKS)

        # The table's stream reports each end at least once.
        for record in records:
            ended = record.model_copy(update={"status": Status.COMPLETED})
            batches.settle_task(ended)
            if (record.batch_number or 0) % 10 == 0:
                batches.settle_task(ended)
        assert (read().status, read().counts["completed"]) == (Status.COMPLETED, TASKS)
        assert read().numbers(BatchTaskState.COMPLETED) == frozenset(range(1, TASKS + 1))


def _accept(client: Any, batches: BatchRepository, queue_url: str) -> None:
    s3 = client("s3")
    bucket = TaskBucket(client=s3, bucket="task-bucket")
    own_links = OwnLinks(client=s3, task_bucket="task-bucket", output_bucket="output-bucket")
    models = CheckpointCatalogue(client=s3, bucket="model-bucket")
    acceptance = BatchAcceptance(
        batches=batches,
        tasks=BatchTasks(bucket=bucket),
        bucket=bucket,
        check=BatchCheck(
            catalogue=CATALOGUE,
            find_checkpoint=models.find_checkpoint,
            has_object=models.has_object,
            own_links=own_links,
            clock=lambda: 0.0,
        ),
        own_links=own_links,
        queue=SqsQueue(client=client("sqs"), queue_url=queue_url),
        now_ms=lambda: 1_000,
    )
    metadata = {"runtime": "sdruntime", "tasktype": "text-to-image"}
    lines = [json.dumps({"metadata": metadata, "content": {"prompt": f"Dog {number}"}}) for number in range(TASKS)]
    acceptance.accept(
        "\n".join(lines),
        content_type="application/x-ndjson",
        query={"id": "b"},
        caller=Caller("request", "default", SHARED),
    )


def _records(dynamodb: Any) -> list[Record]:
    pages = dynamodb.get_paginator("scan").paginate(TableName="tasks", ConsistentRead=True)
    return [Record.from_item(item) for page in pages for item in page["Items"] if is_task(item)]
