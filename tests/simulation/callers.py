"""Callers of a simulation: they send tasks by both ways in, repeat themselves, cancel, retry, and send batches."""

import itertools
import json
import random
from dataclasses import dataclass, field, replace
from typing import Any

from contract.record import Record
from contract.tenancy import SHARED
from lambdas.tasks.cancellation import cancel
from tests.simulation.messages import INTAKE, SimulatedSqs
from tests.unit.lambdas.batches import Batches, plain_task
from tests.unit.lambdas.harness import Harness

TOKEN = "hf_secret"
KEYS = ("shop", "studio")
#: Few, so that submissions meet earlier ones with their id.
TASK_IDS = 6
MAX_BATCHES = 2
#: Several steps of the worker of batches, which are smaller here.
BATCH_TASKS = 5


@dataclass(kw_only=True)
class Callers:
    """Users of the HTTP API and publishers of the entry topic."""

    harness: Harness
    sqs: SimulatedSqs
    draw: random.Random
    #: What the HTTP API has accepted.
    accepted: list[Record] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _last: dict[str, Any] | None = None

    def submit(self) -> None:
        """Send a task by HTTP, or the last one again."""
        if self._last is None or self.draw.random() < 0.7:
            self._last = {"body": self._task(), "submission_id": self._id(), "key_name": self.draw.choice(KEYS)}
        submission = replace(self.harness.submission, is_redelivered=False)
        self.accepted.append(submission.submit(**self._last, tenant=SHARED))

    def publish(self) -> None:
        """Publish a task to the entry topic."""
        message = {"MessageId": self._id(), "TopicArn": "arn:entry", "Message": json.dumps(self._task())}
        self.sqs.send(INTAKE, json.dumps({"Type": "Notification", **message}))

    def cancel(self) -> None:
        """Cancel a task."""
        if record := self._any_record():
            cancel(self.harness.repository, record)

    def retry(self) -> None:
        """Begin a task again that failed."""
        if record := self._any_record():
            submission = replace(self.harness.submission, is_redelivered=False)
            self.accepted.append(submission.retry(record, submission_id=self._id(), key_name=KEYS[0]))

    def send_batch(self) -> None:
        """Send one of the batches, also again."""
        number = self.draw.randint(1, MAX_BATCHES)
        body = {"id": f"batch-{number}", "tasks": [plain_task() for _ in range(BATCH_TASKS)], "callback": True}
        Batches(self.harness).accept(body, request=f"batch {number}")

    def cancel_batch(self) -> None:
        """Cancel a batch."""
        reader = Batches(self.harness).reader
        reader.cancel(reader.find(f"batch-{self.draw.randint(1, MAX_BATCHES)}", SHARED), SHARED)

    def _task(self) -> dict[str, Any]:
        task_id = f"task-{self.draw.randint(1, TASK_IDS)}"
        if self.draw.random() < 0.1:
            metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "webui-api"}
            payload = {"repo_id": "a/b", "sync_path": "VAE", "hf_token": TOKEN}
            api = {"method": "POST", "endpoint": "v1/sync"}
            return {"task": {"metadata": metadata, "content": {"api": api, "payload": payload}}}
        # Some messages are too large for the record, and lie in the task bucket.
        task = plain_task(task_id, self.draw.choice(("a dog", "a cat")) + self.draw.choice(("", "", "", "!" * 6000)))
        task["task"]["metadata"]["webhook"] = "https://example.com/hook"
        return task

    def _id(self) -> str:
        return f"request {next(self._numbers)}"

    def _any_record(self) -> Record | None:
        task_id = f"task-{self.draw.randint(1, TASK_IDS)}"
        return self.harness.repository.read(self.draw.choice((task_id, task_id, "batch-1-1", "batch-2-5")))
