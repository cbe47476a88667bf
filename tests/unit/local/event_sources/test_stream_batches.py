import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.event_sources.stream_batches import Records, RetryPolicy, StreamBatches
from local.lambda_runtime.function import PayloadTooLarge
from local.lambda_runtime.runtime_api import InvocationResult


class Poisoned:
    """A function that cannot process some records: it names them, or fails on the batch that holds one."""

    def __init__(self, poison: set[str], *, reports: bool, recovers_after: int | None = None) -> None:
        self.poison = poison
        self.reports = reports
        self.recovers_after = recovers_after
        self.batches: list[list[str]] = []
        self.done: list[str] = []

    async def invoke(self, event: Any) -> InvocationResult:
        numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
        self.batches.append(numbers)
        healthy = self.recovers_after is not None and len(self.batches) > self.recovers_after
        failed = [] if healthy else [number for number in numbers if number in self.poison]
        if failed and not self.reports:
            return InvocationResult(b'{"errorMessage": "poison"}', is_error=True)
        first = numbers.index(failed[0]) if failed else len(numbers)
        self.done += numbers[:first]
        return InvocationResult(
            json.dumps({"batchItemFailures": [{"itemIdentifier": number} for number in failed]}).encode()
        )


def process(
    function: Poisoned, numbers: list[str], *, attempts: int | None, bisects: bool
) -> tuple[list[str], list[float]]:
    """Carry records and return what was given up and the pauses between the attempts."""
    discarded: list[str] = []
    pauses: list[float] = []

    async def discard(records: Records) -> None:
        discarded.extend(record["dynamodb"]["SequenceNumber"] for record in records)

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    invoked: Any = function
    policy = RetryPolicy(maximum_attempts=attempts, bisects=bisects, reports_items=True)
    batches = StreamBatches(function=invoked, policy=policy, discard=discard, pause=pause)
    asyncio.run(batches.process([{"dynamodb": {"SequenceNumber": number}} for number in numbers]))
    return discarded, pauses


def test_a_good_batch_is_sent_once() -> None:
    function = Poisoned(set(), reports=True)
    assert process(function, list("abc"), attempts=2, bisects=True) == ([], [])
    assert function.batches == [list("abc")]


def test_after_a_partial_failure_the_rest_is_sent_again() -> None:
    function = Poisoned({"b"}, reports=True)
    discarded, _ = process(function, list("abc"), attempts=1, bisects=True)
    assert function.batches == [list("abc"), list("bc"), ["b"], ["b"], ["c"]]
    assert discarded == ["b"]
    assert function.done == ["a", "c"]


def test_without_halves_the_whole_batch_is_discarded() -> None:
    function = Poisoned({"b"}, reports=False)
    discarded, pauses = process(function, list("abc"), attempts=2, bisects=False)
    assert function.batches == [list("abc")] * 3
    assert discarded == list("abc")
    assert pauses == [0.5, 1.0]


class Narrow(Poisoned):
    """A function whose events hold two records at most."""

    async def invoke(self, event: Any) -> InvocationResult:
        if len(event["Records"]) > 2:
            raise PayloadTooLarge("6 MB")
        return await super().invoke(event)


def test_records_that_exceed_one_event_come_in_several() -> None:
    function = Narrow({"d"}, reports=True)
    discarded, _ = process(function, list("abcdefg"), attempts=1, bisects=True)
    assert (function.done, discarded) == (list("abcefg"), ["d"])


def test_for_ever_means_until_it_works() -> None:
    function = Poisoned({"a"}, reports=False, recovers_after=20)
    discarded, pauses = process(function, list("ab"), attempts=None, bisects=False)
    assert discarded == []
    assert function.done == ["a", "b"]
    assert max(pauses) == 30


@pytest.mark.parametrize("reports", [True, False])
@given(count=st.integers(1, 30), data=st.data())
def test_halves_isolate_the_poison_and_keep_the_order(reports: bool, count: int, data: st.DataObject) -> None:
    numbers = [f"{number:02}" for number in range(count)]
    poison = data.draw(st.sets(st.sampled_from(numbers)))
    function = Poisoned(poison, reports=reports)
    discarded, _ = process(function, numbers, attempts=1, bisects=True)
    assert discarded == sorted(poison)
    assert function.done == [number for number in numbers if number not in poison]
