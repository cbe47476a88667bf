import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.event_sources.stream_batches import Records, RetryPolicy, StreamBatches
from local.lambda_runtime.runtime_api import Answer


class Poisoned:
    """A function that cannot process some records: it names them, or fails on the batch that holds one."""

    def __init__(self, poison: set[str], *, reports: bool, recovers_after: int | None = None) -> None:
        self.poison = poison
        self.reports = reports
        self.recovers_after = recovers_after
        self.batches: list[list[str]] = []
        self.done: list[str] = []

    async def invoke(self, event: Any) -> Answer:
        numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
        self.batches.append(numbers)
        healthy = self.recovers_after is not None and len(self.batches) > self.recovers_after
        failed = [] if healthy else [number for number in numbers if number in self.poison]
        if failed and not self.reports:
            return Answer(b'{"errorMessage": "poison"}', is_error=True)
        first = numbers.index(failed[0]) if failed else len(numbers)
        self.done += numbers[:first]
        return Answer(json.dumps({"batchItemFailures": [{"itemIdentifier": number} for number in failed]}).encode())


def carry(
    function: Poisoned, numbers: list[str], *, attempts: int | None, bisects: bool
) -> tuple[list[str], list[float]]:
    """Carry records and return what was given up and the pauses between the attempts."""
    given_up: list[str] = []
    pauses: list[float] = []

    async def give_up(records: Records) -> None:
        given_up.extend(record["dynamodb"]["SequenceNumber"] for record in records)

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    invoked: Any = function
    policy = RetryPolicy(maximum_attempts=attempts, bisects=bisects, reports_items=True)
    batches = StreamBatches(function=invoked, policy=policy, give_up=give_up, pause=pause)
    asyncio.run(batches.carry([{"dynamodb": {"SequenceNumber": number}} for number in numbers]))
    return given_up, pauses


def test_a_good_batch_is_sent_once() -> None:
    function = Poisoned(set(), reports=True)
    assert carry(function, list("abc"), attempts=2, bisects=True) == ([], [])
    assert function.batches == [list("abc")]


def test_after_a_partial_failure_the_rest_is_sent_again() -> None:
    function = Poisoned({"b"}, reports=True)
    given_up, _ = carry(function, list("abc"), attempts=1, bisects=True)
    assert function.batches == [list("abc"), list("bc"), ["b"], ["b"], ["c"]]
    assert given_up == ["b"]
    assert function.done == ["a", "c"]


def test_without_halves_the_whole_batch_is_given_up() -> None:
    function = Poisoned({"b"}, reports=False)
    given_up, pauses = carry(function, list("abc"), attempts=2, bisects=False)
    assert function.batches == [list("abc")] * 3
    assert given_up == list("abc")
    assert pauses == [0.5, 1.0]


def test_for_ever_means_until_it_works() -> None:
    function = Poisoned({"a"}, reports=False, recovers_after=20)
    given_up, pauses = carry(function, list("ab"), attempts=None, bisects=False)
    assert given_up == []
    assert function.done == ["a", "b"]
    assert max(pauses) == 30


@pytest.mark.parametrize("reports", [True, False])
@given(count=st.integers(1, 30), data=st.data())
def test_halves_isolate_the_poison_and_keep_the_order(reports: bool, count: int, data: st.DataObject) -> None:
    numbers = [f"{number:02}" for number in range(count)]
    poison = data.draw(st.sets(st.sampled_from(numbers)))
    function = Poisoned(poison, reports=reports)
    given_up, _ = carry(function, numbers, attempts=1, bisects=True)
    assert given_up == sorted(poison)
    assert function.done == [number for number in numbers if number not in poison]
