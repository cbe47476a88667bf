"""Functions of a simulation: the pollers of Lambda, and the code of the functions behind them."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from contract.batch import Ended, ended_item
from lambdas.messaging.queue_batch import process_each
from lambdas.messaging.stream_batch import EndedRuns
from task_store.envelope import Delivery
from tests.simulation.messages import VISIBILITY_SECONDS, SimulatedSqs
from tests.unit.lambdas.harness import Harness

_BATCH_SIZE = 10


class Context:
    """A function that has much time left."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def poll(sqs: SimulatedSqs, queue: str, settle: Callable[[Delivery], None]) -> None:
    """Process a message of a queue; after a failure it comes again."""
    for message in sqs.receive_message(QueueUrl=queue, VisibilityTimeout=VISIBILITY_SECONDS).get("Messages", ()):
        record = {"messageId": message["MessageId"], "body": message["Body"], "eventSource": "aws:sqs"}
        if not process_each({"Records": [record]}, Context(), settle)["batchItemFailures"]:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


class Stream:
    """All changes of the table so far, as Lambda receives them."""

    def __init__(self, harness: Harness) -> None:
        specification = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        harness.dynamodb.update_table(TableName="tasks", StreamSpecification=specification)
        # The client of streams does not reach the moto of this process.
        table = dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables["tasks"]
        self._shard = table.stream_shard
        self._read = 0
        self.changes: list[dict[str, Any]] = []
        #: Every version of every task and batch, and the last one of each.
        self.versions: list[Ended] = []
        self.latest: dict[str, Ended] = {}

    def read(self) -> list[dict[str, Any]]:
        """Return all changes so far."""
        for item in self._shard.items[self._read :]:
            change = DynamoDBRecord(item.record).dynamodb
            # The event source filters: the item of a key's active tasks has no status.
            if change and change.new_image and "status" in change.new_image:
                self.changes.append(item.record)
                self.versions.append(version := ended_item(change.new_image))
                self.latest[version.key] = version
        self._read = len(self._shard.items)
        return self.changes


@dataclass(kw_only=True)
class StreamReader:
    """One of the stream's functions; Lambda repeats the changes after a failure, and now and then some more."""

    stream: Stream
    settle: Callable[[Ended], None]
    draw: random.Random
    set_aside: list[str] = field(default_factory=list)
    _position: int = 0

    def read(self) -> None:
        """Process the next changes."""
        start = max(0, self._position - self.draw.choice((0, 0, 0, 0, 2)))
        records = self.stream.read()[start : start + _BATCH_SIZE]
        runs = EndedRuns(settle=self.settle, set_aside=self.set_aside.append)
        failed = runs.process({"Records": records}, Context())["batchItemFailures"]
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        self._position = start + (numbers.index(failed[0]["itemIdentifier"]) if failed else len(records))

    @property
    def is_at_end(self) -> bool:
        """All changes are settled."""
        return self._position == len(self.stream.read())
