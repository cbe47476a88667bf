"""Batches of stream records on their way through a function: in order, with retries, halves and partial failures."""

import asyncio
import base64
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from local.event_sources.event_source import failed_identifiers
from local.lambda_runtime.function import LambdaFunction, PayloadTooLarge

Records = Sequence[dict[str, Any]]

#: Seconds before the first repetition; each further one waits twice as long, up to the most.
_FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 30.0


@dataclass(frozen=True)
class RetryPolicy:
    """Retries of the event source mapping. `maximum_attempts` counts repetitions; None has no limit."""

    maximum_attempts: int | None
    bisects: bool
    reports_items: bool


@dataclass(frozen=True)
class _Batch:
    records: Records
    repetitions: int = 0


@dataclass(frozen=True, kw_only=True)
class StreamBatches:
    """Processes records in order; `discard` receives those whose attempts are used up."""

    function: LambdaFunction
    policy: RetryPolicy
    discard: Callable[[Records], Awaitable[None]]
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def process(self, records: Records) -> None:
        """Return when every record has been processed or discarded."""
        waiting = deque([_Batch(records)])
        while waiting:
            batch = waiting.popleft()
            try:
                failed = await self._invoke(batch.records)
            except PayloadTooLarge:
                # Lambda fills a batch up to the largest event only.
                waiting.extendleft(reversed(_halves(batch)))
                continue
            if not failed:
                continue
            again = self._again(batch, failed)
            if again:
                waiting.extendleft(reversed(again))
                await self.pause(min(_FIRST_PAUSE_SECONDS * 2 ** again[0].repetitions, _LONGEST_PAUSE_SECONDS))
            else:
                await self.discard(batch.records)

    async def _invoke(self, records: Records) -> set[str]:
        answer = await self.function.invoke({"Records": list(records)})
        identifiers = [sequence_number(record) for record in records]
        return failed_identifiers(answer, identifiers, reports_items=self.policy.reports_items)

    def _again(self, batch: _Batch, failed: set[str]) -> list[_Batch]:
        """Return the batches of the next attempt, in order; none if the attempts are used up."""
        first = next(n for n, record in enumerate(batch.records) if sequence_number(record) in failed)
        if first > 0:
            # The records before the first failure are done. Order demands that the rest is sent again.
            return [_Batch(batch.records[first:])]
        if self.policy.bisects and len(batch.records) > 1:
            return _halves(batch)
        if self.policy.maximum_attempts is not None and batch.repetitions >= self.policy.maximum_attempts:
            return []
        return [_Batch(batch.records, batch.repetitions + 1)]


def _halves(batch: _Batch) -> list[_Batch]:
    middle = len(batch.records) // 2
    return [_Batch(half, batch.repetitions) for half in (batch.records[:middle], batch.records[middle:])]


def stream_record(record: dict[str, Any], stream_arn: str) -> dict[str, Any]:
    """Return a record as it came from GetRecords in the shape of a function's event."""
    change = {key: _as_json(value) for key, value in record["dynamodb"].items()}
    return {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": record.get("eventVersion", "1.1"),
        "eventSource": "aws:dynamodb",
        "awsRegion": stream_arn.split(":")[3],
        "dynamodb": change,
        "eventSourceARN": stream_arn,
    }


def sequence_number(record: dict[str, Any]) -> str:
    """Return what identifies a record within its shard."""
    number: str = record["dynamodb"]["SequenceNumber"]
    return number


def _as_json(value: Any) -> Any:
    """Return `value` as JSON has it: times as seconds since 1970, bytes as base64."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    return value
