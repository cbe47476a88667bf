"""Harness of an agent: AWS (moto over HTTP), a stub Web UI, and the agent as a thread or as a real process."""

import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import uuid4

import boto3
import pytest

from contract import transitions
from contract.message import TaskMessage
from contract.record import Record, Status
from contract.storage import run_id_of_submission
from contract.task import Metadata, Task
from contract.tenancy import scoped
from runtime_image.agent.__main__ import build_loop
from runtime_image.agent.core.events import Event, StopRequested
from runtime_image.agent.settings import AgentSettings
from runtime_image.process.logs import EventLog, JsonFormatter
from stub_webui.server import serve_stub
from stub_webui.web_ui import StubWebUi
from tests.harness.ending_clock import EndingClock
from tests.harness.eventually import eventually as eventually_within
from tests.harness.logs import read_events, read_json_lines
from tests.harness.queue_counts import counts, is_empty
from tests.harness.records import make_record

PROJECT = Path(__file__).parents[3]
T = TypeVar("T")
RUNTIME = "sdruntime"
CHECKPOINT = "v1-5-pruned-emaonly.safetensors"
#: Deliveries before a message goes to the dead-letter queue, as in the stacks.
MAX_RECEIVES = 3
#: Characters of an agent's log that a failed test shows.
MAX_LOG_SHOWN = 6000
#: Seconds for the loop of an agent in a thread to end.
STOP_SECONDS = 5.0
#: Held while an agent is built in this process.
_BUILDING = threading.Lock()


def eventually(find: Callable[[], T | None], what: str, seconds: float = 60.0) -> T:
    """Return the result of `find`, which is called until the deadline."""
    return eventually_within(find, what, seconds)


@cache
def client(service: Any, endpoint_url: str) -> Any:
    """Return the one client of a service: making one takes longer than most of what tests do with it."""
    return boto3.client(service, endpoint_url=endpoint_url)


#: Tenant of all tasks, so that no read or write by the plain id finds a record.
TENANT: Final = "shop"


@cache
def table_client(endpoint_url: str) -> Any:
    """Return the one client of DynamoDB that takes and gives plain values."""
    return boto3.resource("dynamodb", endpoint_url=endpoint_url).meta.client


@dataclass
class Agent:
    """An agent that has been started, with its log."""

    log_file: Path

    def events(self) -> list[dict[str, Any]]:
        """Return the lines that it has logged."""
        return read_json_lines(self.log_file)

    def logged(self, event: str, **fields: object) -> bool:
        """Return True if a line with this event and these fields exists."""
        return bool(read_events(self.log_file, event, **fields))


@dataclass
class AgentProcess(Agent):
    """One `python -m runtime_image.agent`, for tests of signals, exits, settings and memory."""

    process: subprocess.Popen[bytes]

    @property
    def is_running(self) -> bool:
        """The process has not ended."""
        return self.process.poll() is None

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL and wait."""
        self.process.kill()
        self.process.wait()

    def exit_code(self, seconds: float = 60.0) -> int:
        """Return the exit code once the process has ended."""
        return self.process.wait(seconds)


class AgentThread(Agent):
    """The agent's loop in a thread of the test, without the start of an interpreter."""

    def __init__(self, log_file: Path, environment: dict[str, str]) -> None:
        super().__init__(log_file)
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._exit_codes: list[int] = []
        self._clock = EndingClock()
        handler = logging.FileHandler(log_file)
        handler.setFormatter(JsonFormatter())
        logger = logging.getLogger(f"agent-{uuid4().hex}")
        logger.setLevel(environment["LOG_LEVEL"])
        logger.propagate = False
        logger.addHandler(handler)
        settings = AgentSettings.from_environment(environment)
        with _BUILDING, pytest.MonkeyPatch.context() as patch:
            # boto3 reads them when the clients are made.
            for name in environment.keys() - os.environ.keys() | {"AWS_ENDPOINT_URL"}:
                patch.setenv(name, environment[name])
            patch.setattr("runtime_image.agent.__main__.AwsClock", lambda: self._clock)
            log = EventLog(logger).bind(runtime=settings.runtime)
            self._loop = build_loop(settings, self._events, log, ExitStack())
        self._thread = threading.Thread(target=self._run, name="agent", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._exit_codes.append(self._loop.run())
        finally:
            self._clock.has_ended.set()

    @property
    def is_running(self) -> bool:
        """The loop has not ended."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the loop as fast as it can."""
        for _ in range(2):
            self._events.put(StopRequested())
        self._thread.join(STOP_SECONDS)

    def exit_code(self, seconds: float = 60.0) -> int:
        """Return the exit code once the loop has ended."""
        self._thread.join(seconds)
        (code,) = self._exit_codes
        return code


@dataclass
class Harness:
    """Everything around the agent, for one test."""

    endpoint_url: str
    directory: Path
    webui: StubWebUi
    webui_url: str = ""
    threads: list[AgentThread] = field(default_factory=list)
    processes: list[AgentProcess] = field(default_factory=list)

    eventually = staticmethod(eventually)

    def __post_init__(self) -> None:
        name = uuid4().hex[:12]
        self.task_table, self.task_bucket = f"tasks-{name}", f"task-bucket-{name}"
        self.output_bucket, self.link_bucket = f"outputs-{name}", f"links-{name}"
        self.sqs = self.client("sqs")
        self.s3 = self.client("s3")
        self.table = table_client(self.endpoint_url)
        for bucket in (self.task_bucket, self.output_bucket, self.link_bucket):
            self.s3.create_bucket(Bucket=bucket)
        self.table.create_table(
            TableName=self.task_table,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.dead_letter_url = self.sqs.create_queue(QueueName=f"dead-{name}")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.dead_letter_url, AttributeNames=["QueueArn"])
        redrive = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": MAX_RECEIVES}
        self.queue_url = self.sqs.create_queue(
            QueueName=f"queue-{name}", Attributes={"RedrivePolicy": json.dumps(redrive)}
        )["QueueUrl"]

    def client(self, service: Any) -> Any:
        return client(service, self.endpoint_url)

    def environment(self, **changes: object) -> dict[str, str]:
        variables: dict[str, object] = {
            "RUNTIME": RUNTIME,
            "QUEUE_URL": self.queue_url,
            "TASK_TABLE": self.task_table,
            "TASK_BUCKET": self.task_bucket,
            "OUTPUT_BUCKET": self.output_bucket,
            "WEBUI_URL": self.webui_url,
            "RETENTION_SECONDS": 3600,
            "VISIBILITY_TIMEOUT_SECONDS": 20,
            "LINK_BUCKETS": json.dumps([self.link_bucket]),
            "GRACE_PERIOD_SECONDS": 20,
            "LOG_LEVEL": "DEBUG",
            # The stub has started long ago.
            "ENGINE_READY_FILE": __file__,
            "AWS_ENDPOINT_URL": self.endpoint_url,
        }
        return os.environ | {name: str(value) for name, value in (variables | changes).items()}

    def _log_file(self) -> Path:
        return self.directory / f"agent-{len(self.threads) + len(self.processes)}.log"

    def start_agent(self, **changes: object) -> AgentThread:
        """Start an agent in a thread; `changes` are variables."""
        self.threads.append(AgentThread(self._log_file(), self.environment(**changes)))
        return self.threads[-1]

    def start_agent_process(self, **changes: object) -> AgentProcess:
        """Start an agent as a process; `changes` are variables."""
        log_file = self._log_file()
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", "-m", "runtime_image.agent"],
                env=self.environment(**changes),
                cwd=PROJECT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(AgentProcess(log_file, process))
        return self.processes[-1]

    def message(self, task_id: str, content: dict[str, Any], **changes: Any) -> TaskMessage:
        """Return a task message without recording it."""
        metadata = {"id": task_id, "runtime": RUNTIME, "tasktype": "text-to-image", **changes}
        checkpoint = metadata.pop("checkpoint", CHECKPOINT)
        submitted_at_ms = metadata.pop("submitted_at_ms", time.time_ns() // 1_000_000)
        task = Task(metadata=Metadata.model_validate(metadata), content=content)
        run = run_id_of_submission(task_id, "submission")
        return TaskMessage(task=task, tenant=TENANT, run_id=run, checkpoint=checkpoint, submitted_at_ms=submitted_at_ms)

    def record(self, message: TaskMessage) -> None:
        """Write the record that a submission would have written."""
        metadata = message.task.metadata
        record = make_record(
            tenant=message.tenant,
            id=metadata.id,
            run_id=message.run_id,
            runtime=metadata.runtime,
            tasktype=metadata.tasktype.value,
            prefix=metadata.prefix,
            execution_timeout_ms=metadata.policy.execution_timeout_ms,
            ttl_ms=metadata.policy.ttl_ms,
            submitted_at_ms=message.submitted_at_ms,
        )
        self.table.put_item(TableName=self.task_table, **transitions.create(record))

    def send(self, body: str) -> str:
        """Put a body into the queue; return the message's id."""
        return str(self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)["MessageId"])

    def submit(self, task_id: str, content: dict[str, Any] | None = None, **changes: Any) -> TaskMessage:
        """Record a task and put its message into the queue."""
        message = self.message(task_id, {"prompt": task_id, "steps": 5} if content is None else content, **changes)
        self.record(message)
        self.send(message.to_body())
        return message

    def read(self, task_id: str) -> Record:
        return Record.from_item(
            self.table.get_item(TableName=self.task_table, Key={"id": scoped(TENANT, task_id)}, ConsistentRead=True)[
                "Item"
            ]
        )

    def wait_for(self, task_id: str, status: Status, seconds: float = 60.0) -> Record:
        """Return the record once it has this status; any other final status is a failure."""

        def find() -> Record | None:
            record = self.read(task_id)
            assert not record.is_final or record.status is status, record
            return record if record.status is status else None

        return eventually(find, f"{task_id} being {status}", seconds)

    def wait_for_release(self, task_id: str) -> dict[str, Any]:
        """Return the error with which a task was released to its queue."""
        # Only a release writes it. An agent may have the task again already.
        return eventually(lambda: self.read(task_id).last_error, f"{task_id} being released")

    def cancel(self, task_id: str) -> None:
        """Cancel a task as the HTTP API does."""
        record = self.read(task_id)
        outcome = transitions.Outcome(Status.CANCELLED, error={"code": "cancelled", "message": "cancelled"})
        request = transitions.finish_active(
            record.key, record.run_id, outcome, now_ms=time.time_ns() // 1_000_000, retention_seconds=3600
        )
        self.table.update_item(TableName=self.task_table, **request)

    def interrupt(self, task_id: str) -> None:
        """Ask for what there is of a picture, as the bridge for Web UI clients does."""

        def is_asked() -> bool:
            # Whatever the stage: a task that is claimed a moment later can be interrupted then.
            try:
                record = self.read(task_id)
                request = transitions.interrupt(record.key, record.run_id, now_ms=time.time_ns() // 1_000_000)
                self.table.update_item(TableName=self.task_table, **request)
            except self.table.exceptions.ConditionalCheckFailedException:
                return False
            return True

        eventually(is_asked, f"{task_id} being in progress")

    def outputs(self) -> dict[str, bytes]:
        """Return all objects of the output bucket."""
        listing = self.s3.list_objects_v2(Bucket=self.output_bucket).get("Contents", [])
        return {
            entry["Key"]: self.s3.get_object(Bucket=self.output_bucket, Key=entry["Key"])["Body"].read()
            for entry in listing
        }

    def counts(self, queue_url: str | None = None) -> tuple[int, int]:
        """Return how many messages are visible and in flight."""
        return counts(self.sqs, queue_url or self.queue_url)

    def wait_until_queue_is_empty(self) -> None:
        eventually(lambda: is_empty(self.sqs, self.queue_url), "the queue being empty")


@contextmanager
def make_harness(endpoint: str, directory: Path) -> Iterator[Harness]:
    webui = StubWebUi(settings_file=directory / "config.json")
    with serve_stub(webui) as url, stopping(Harness(endpoint, directory, webui, url)) as harness:
        yield harness


H = TypeVar("H", bound=Harness)


@contextmanager
def stopping(harness: H) -> Iterator[H]:
    """Stop the agents in the end."""
    try:
        yield harness
    finally:
        for thread in harness.threads:
            thread.stop()
        for process in harness.processes:
            if process.is_running:
                process.kill()
        for agent in (*harness.threads, *harness.processes):
            # pytest shows it if the test failed.
            sys.stdout.write(agent.log_file.read_text()[-MAX_LOG_SHOWN:])
