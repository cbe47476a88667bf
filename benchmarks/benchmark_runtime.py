"""Resources of one runtime's agent on the local AWS: its queue, the task table, two buckets, and tasks."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import boto3

from contract import transitions
from contract.message import TaskMessage
from contract.record import Record, Status, is_task
from contract.storage import run_id_of_submission
from contract.task import Metadata, Task
from stub_webui.web_ui import CHECKPOINT

RUNTIME: Final = "sdruntime"
_TABLE: Final = "tasks"
_TASK_BUCKET: Final = "messages"
_OUTPUT_BUCKET: Final = "outputs"
_SUBMISSION: Final = "benchmark"
_RETENTION_SECONDS: Final = 86_400
#: Seconds; the default of the environments.
_VISIBILITY_TIMEOUT_SECONDS: Final = 60


class BenchmarkRuntime:
    """Resources and tasks of one runtime. Its own calls of AWS are never delayed."""

    def __init__(self, endpoint_url: str) -> None:
        session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")  # noqa: S106 - the local AWS takes any
        self._sqs = session.client("sqs", endpoint_url=endpoint_url)
        self._s3 = session.client("s3", endpoint_url=endpoint_url)
        self._table = session.resource("dynamodb", endpoint_url=endpoint_url).meta.client
        for bucket in (_TASK_BUCKET, _OUTPUT_BUCKET):
            self._s3.create_bucket(Bucket=bucket)
        self._table.create_table(
            TableName=_TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.queue_url = self._sqs.create_queue(QueueName=RUNTIME)["QueueUrl"]

    def agent_variables(self, *, endpoint_url: str, webui_url: str) -> dict[str, str]:
        """Return the agent's settings."""
        return {
            "RUNTIME": RUNTIME,
            "QUEUE_URL": self.queue_url,
            "TASK_TABLE": _TABLE,
            "TASK_BUCKET": _TASK_BUCKET,
            "OUTPUT_BUCKET": _OUTPUT_BUCKET,
            "WEBUI_URL": webui_url,
            "RETENTION_SECONDS": str(_RETENTION_SECONDS),
            "VISIBILITY_TIMEOUT_SECONDS": str(_VISIBILITY_TIMEOUT_SECONDS),
            "ALLOWED_LINK_HOSTS": json.dumps([webui_url.removeprefix("http://")]),
            "AWS_ENDPOINT_URL": endpoint_url,
        }

    def submit(self, task_id: str, tasktype: str, content: Mapping[str, Any], *, checkpoint: str = CHECKPOINT) -> None:
        """Record a task and put its message into the queue, as the edge would have."""
        metadata = Metadata.model_validate({"id": task_id, "runtime": RUNTIME, "tasktype": tasktype})
        message = TaskMessage(
            task=Task(metadata=metadata, content=dict(content)),
            run_id=run_id_of_submission(task_id, _SUBMISSION),
            checkpoint=checkpoint,
            submitted_at_ms=time.time_ns() // 1_000_000,
        )
        record = Record(
            id=task_id,
            run_id=message.run_id,
            status=Status.IN_QUEUE,
            runtime=RUNTIME,
            tasktype=tasktype,
            format="v1alpha2",
            prefix=metadata.prefix,
            submission_id=_SUBMISSION,
            fingerprint=_SUBMISSION,
            execution_timeout_ms=metadata.policy.execution_timeout_ms,
            ttl_ms=metadata.policy.ttl_ms,
            submitted_at_ms=message.submitted_at_ms,
        )
        self._table.put_item(TableName=_TABLE, **transitions.create(record))
        self._sqs.send_message(QueueUrl=self.queue_url, MessageBody=message.to_body())

    def run_sequentially(self, call: Callable[[], bytes]) -> float:
        """Carry the queued tasks out one after the other, as the simplest worker; return its CPU seconds for each.

        `call` sends a request to the Web UI and returns the answer. There is no lease, no check and no cancel.
        """
        started_at, tasks = time.process_time(), 0
        while messages := self._sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=1).get("Messages"):
            task = TaskMessage.model_validate(json.loads(messages[0]["Body"])).task
            self._write_status(task.metadata.id, Status.IN_PROGRESS)
            answer = json.loads(call())
            for place, picture in enumerate(answer.pop("images")):
                self._store(f"{task.metadata.id}/{place}.png", base64.b64decode(picture))
            self._store(f"{task.metadata.id}/answer.json", json.dumps(answer).encode())
            self._write_status(task.metadata.id, Status.COMPLETED)
            self._sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=messages[0]["ReceiptHandle"])
            tasks += 1
        return (time.process_time() - started_at) / tasks

    def _store(self, key: str, body: bytes) -> None:
        self._s3.put_object(Bucket=_OUTPUT_BUCKET, Key=key, Body=body)

    def _write_status(self, task_id: str, status: Status) -> None:
        self._table.update_item(
            TableName=_TABLE,
            Key={"id": task_id},
            UpdateExpression="SET #status = :status",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":status": status.value},
        )

    def queued_messages(self) -> int:
        """Return how many messages are in the queue, those in flight included."""
        attributes = self._sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["All"])["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"]) + int(attributes["ApproximateNumberOfMessagesNotVisible"])

    def whole_tasks(self) -> set[str]:
        """Return the ids of the tasks that are COMPLETED and whose outputs are all stored."""
        listing = self._s3.get_paginator("list_objects_v2").paginate(Bucket=_OUTPUT_BUCKET)
        stored = {f"s3://{_OUTPUT_BUCKET}/{entry['Key']}" for page in listing for entry in page.get("Contents", [])}
        return {
            record.id
            for record in self._records()
            if record.status is Status.COMPLETED and stored.issuperset([*record.image_urls, record.output_url or ""])
        }

    def completed_at_ms(self) -> list[int]:
        """Return when each task that is COMPLETED was committed."""
        records = self._records()
        return [record.completed_at_ms or 0 for record in records if record.status is Status.COMPLETED]

    def _records(self) -> list[Record]:
        scan = self._table.get_paginator("scan").paginate(TableName=_TABLE)
        return [Record.from_item(item) for page in scan for item in page["Items"] if is_task(item)]
