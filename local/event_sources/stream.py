"""DynamoDB stream as an event source: the changes of a table that pass its filter, in order."""

import asyncio
import json
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from local.event_sources.filters import Matches
from local.event_sources.stream_batches import Records, RetryPolicy, StreamBatches, sequence_number, stream_record
from local.lambda_runtime.function import LambdaFunction

log = logging.getLogger(__name__)

#: Seconds between two polls of the stream. Lambda polls four times a second; a poll costs moto 2 ms.
_POLL_SECONDS: Final = 0.25


@dataclass(kw_only=True)
class StreamEventSource:
    """Reads the one shard that a stream of moto has."""

    streams: Any
    sqs: Any
    function: LambdaFunction
    stream_arn: str
    starting_position: str
    batch_size: int
    matches: Matches
    policy: RetryPolicy
    failure_queue_url: str | None

    def __post_init__(self) -> None:
        """Start before the first record."""
        self.name = f"event source of stream {self.stream_arn}"
        self._batches = StreamBatches(function=self.function, policy=self.policy, discard=self._discard)
        self._iterator: str | None = None

    async def poll(self) -> None:
        """Process the changes since the last poll, or wait a moment."""
        if self._iterator is None:
            self._iterator = await self._first_iterator(self.starting_position)
        answer = await asyncio.to_thread(self.streams.get_records, ShardIterator=self._iterator, Limit=self.batch_size)
        records = [stream_record(record, self.stream_arn) for record in answer["Records"]]
        if passed := [record for record in records if self.matches(record)]:
            await self._batches.process(passed)
        # Only now, so that an interrupted poll starts again at the same place.
        self._iterator = answer["NextShardIterator"]
        if not records:
            await asyncio.sleep(_POLL_SECONDS)

    async def skip_present_records(self) -> None:
        """Start after the records that the stream has now, because they are those of restored tasks."""
        self._iterator = await self._first_iterator("LATEST")

    async def _first_iterator(self, starting_position: str) -> str:
        description = await asyncio.to_thread(self.streams.describe_stream, StreamArn=self.stream_arn)
        shards: Sequence[dict[str, Any]] = description["StreamDescription"]["Shards"]
        if len(shards) != 1:
            raise RuntimeError(f"{self.stream_arn} has {len(shards)} shards; this event source reads streams of one")
        answer = await asyncio.to_thread(
            self.streams.get_shard_iterator,
            StreamArn=self.stream_arn,
            ShardId=shards[0]["ShardId"],
            ShardIteratorType=starting_position,
        )
        iterator: str = answer["ShardIterator"]
        return iterator

    async def _discard(self, records: Records) -> None:
        numbers = [sequence_number(record) for record in records]
        log.error("%s discards the records %s", self.name, ", ".join(numbers))
        if self.failure_queue_url is None:
            return
        # Lambda developer guide, "Retain discarded batches for a DynamoDB event source": records are not part of it.
        body = {
            "version": "1.0",
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": self.function.definition.arn,
                "condition": "RetryAttemptsExhausted",
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "DDBStreamBatchInfo": {
                "streamArn": self.stream_arn,
                "startSequenceNumber": numbers[0],
                "endSequenceNumber": numbers[-1],
                "batchSize": len(numbers),
            },
        }
        await asyncio.to_thread(self.sqs.send_message, QueueUrl=self.failure_queue_url, MessageBody=json.dumps(body))
