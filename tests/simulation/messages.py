"""Queues and topics of a simulation: SQS and SNS in simulated time, with redrives, and some messages twice."""

import json
import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from contract.record import MAX_ATTEMPTS
from runtime_image.process.clock import Clock
from tests.simulation.faults import Faults
from tests.simulation.world import NAME
from tests.unit.lambdas.harness import FakeBatchQueue, FakeTopic

TASKS, INTAKE, BATCHES, DEAD_LETTERS = "tasks", "intake", "batches", "dead-letters"
#: Deliveries before a message is a dead letter, as in the stacks.
MAX_RECEIVES = {TASKS: MAX_ATTEMPTS, INTAKE: 5}
VISIBILITY_SECONDS = 60
#: Part of the messages that SNS or SQS delivers twice.
DOUBLED_RATE = 0.15


@dataclass
class Message:
    """A message in a queue."""

    id: str
    body: str
    visible_at: float
    receives: int = 0


@dataclass(kw_only=True)
class SimulatedSqs:
    """The client of SQS for all queues."""

    clock: Clock
    draw: random.Random
    faults: Faults
    queues: defaultdict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))
    _sent: int = 0

    def send(self, queue: str, body: str, *, delay_seconds: float = 0) -> None:
        """Put a message into a queue, some twice."""
        for _ in range(1 + (self.draw.random() < DOUBLED_RATE)):
            self._sent += 1
            self.queues[queue].append(Message(f"m{self._sent}", body, self.clock.monotonic() + delay_seconds))

    def receive_message(self, *, QueueUrl: str, VisibilityTimeout: int, **_: object) -> dict[str, Any]:
        now, queue = self.clock.monotonic(), self.queues[QueueUrl]
        visible = [message for message in queue if message.visible_at <= now]
        if not visible:
            return {}
        message = self.draw.choice(visible)
        if message.receives == MAX_RECEIVES.get(QueueUrl):
            queue.remove(message)
            self.send(DEAD_LETTERS, message.body)
            self.faults.trace.add(f"{QueueUrl}: {message.id} of {_name_in(message)} is a dead letter")
            return {}
        message.receives += 1
        message.visible_at = now + VisibilityTimeout
        self.faults.trace.add(f"{QueueUrl}: delivery {message.receives} of {message.id} of {_name_in(message)}")
        return {
            "Messages": [
                {
                    "MessageId": message.id,
                    "ReceiptHandle": f"{message.id}/{message.receives}",
                    "Body": message.body,
                    "Attributes": {"ApproximateReceiveCount": str(message.receives)},
                }
            ]
        }

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
        id_, _, receives = ReceiptHandle.partition("/")
        message = self._find(QueueUrl, id_)
        with self.faults.around(f"{QueueUrl}: hide {id_} of {_name_in(message)} for {VisibilityTimeout} s"):
            now = self.clock.monotonic()
            if message is None or message.visible_at <= now or str(message.receives) != receives:
                raise ClientError({"Error": {"Code": "MessageNotInflight"}}, "ChangeMessageVisibility")
            message.visible_at = now + VisibilityTimeout

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:
        message = self._find(QueueUrl, ReceiptHandle.partition("/")[0])
        with self.faults.around(f"{QueueUrl}: delete {ReceiptHandle} of {_name_in(message)}"):
            if message in self.queues[QueueUrl]:
                self.queues[QueueUrl].remove(message)

    def _find(self, queue: str, id_: str) -> Message | None:
        return next((message for message in self.queues[queue] if message.id == id_), None)


def _name_in(message: Message | None) -> str:
    return next(iter(NAME.findall(message.body)), "") if message else ""


class SimulatedBatchQueue(FakeBatchQueue):
    """The queue of the batches that continue."""

    def __init__(self, sqs: SimulatedSqs) -> None:
        super().__init__()
        self._sqs = sqs

    def send(self, key: str, *, delay_seconds: int = 0) -> None:
        with self._sqs.faults.around(f"send {key}"):
            self._sqs.send(BATCHES, key, delay_seconds=delay_seconds)


class SimulatedTopic(FakeTopic):
    """A topic that fills a queue; without one it keeps what was published."""

    def __init__(self, sqs: SimulatedSqs, queue: str | None = None) -> None:
        super().__init__()
        self._sqs, self._queue = sqs, queue

    def publish(self, body: str, attributes: Mapping[str, str], *, group: str | None = None) -> None:
        with self._sqs.faults.around(f"publish to {self._queue or 'subscribers'} {json.dumps(dict(attributes))}"):
            super().publish(body, attributes, group=group)
            if self._queue:
                self._sqs.send(self._queue, body)
