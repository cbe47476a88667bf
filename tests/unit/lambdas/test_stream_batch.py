"""Batches of the table's stream: each callback goes out once and in order, and none waits for one that cannot."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError, ReadTimeoutError

from contract.batch import Ended
from contract.record import Status
from contract.tenancy import scoped
from lambdas.messaging.stream_batch import STOP_BEFORE_END_MS, EndedRuns
from stacks.constructs.functions.outcome_functions import STREAM_BATCH_SIZE, STREAM_TIMEOUT_SECONDS
from tests.harness.records import make_record

_serialize = TypeSerializer().serialize
TIMEOUT_MS: Final = STREAM_TIMEOUT_SECONDS * 1000
REFUSED = ClientError({"Error": {"Code": "InvalidParameter", "Message": "Message too long"}}, "Publish")
THROTTLED = ClientError({"Error": {"Code": "Throttling"}}, "Publish")


def change(task_id: str, **changed: Any) -> dict[str, Any]:
    """Return a record of the stream: a task that has just completed."""
    before = make_record(id=task_id, status=Status.IN_PROGRESS)
    after = before.model_copy(update={"status": Status.COMPLETED}).to_item() | changed
    images = {
        name: {key: _serialize(value) for key, value in item.items()}
        for name, item in (("OldImage", before.to_item()), ("NewImage", after))
    }
    return {"eventName": "MODIFY", "dynamodb": {**images, "SequenceNumber": f"number of {task_id}"}}


class CutOff(BaseException):
    """Raised when Lambda ends a function that runs for longer than its timeout."""


@dataclass
class Invocations:
    """Lambda's event source of a stream: it repeats a batch from the first failure, and all of it after a cut."""

    publish_ms: int = 0
    errors: dict[str, Exception] = field(default_factory=dict)
    published: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    aside_errors: list[Exception] = field(default_factory=list)
    used_ms: int = 0
    count: int = 0

    def get_remaining_time_in_millis(self) -> int:
        return TIMEOUT_MS - self.used_ms

    def settle(self, record: Ended) -> None:
        self.used_ms += self.publish_ms
        if self.used_ms > TIMEOUT_MS:
            raise CutOff
        if error := self.errors.get(record.id):
            raise error
        self.published.append(record.id)

    def set_aside(self, message: str) -> None:
        if self.aside_errors:
            raise self.aside_errors.pop()
        self.aside.append(message)

    def invoke(self, changes: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        """Invoke the function once; return the changes that Lambda must repeat."""
        self.used_ms = 0
        self.count += 1
        try:
            response = EndedRuns(settle=self.settle, set_aside=self.set_aside).process({"Records": changes}, self)
        except CutOff:
            return changes
        failed = [failure["itemIdentifier"] for failure in response["batchItemFailures"]]
        numbers = [each["dynamodb"]["SequenceNumber"] for each in changes]
        return changes[numbers.index(failed[0]) :] if failed else ()

    def run(self, changes: Sequence[dict[str, Any]]) -> None:
        """Invoke the function until everything is settled."""
        for start in range(0, len(changes), STREAM_BATCH_SIZE):
            batch = changes[start : start + STREAM_BATCH_SIZE]
            while batch:
                batch = self.invoke(batch)


@pytest.mark.parametrize("publish_ms", [20, 700, 7_000, 14_000])
def test_no_task_is_called_back_twice_because_sns_is_slow(publish_ms: int) -> None:
    """At load 11 of 300 tasks were called back two to four times, because the function was cut off in a batch."""
    tasks = [f"t-{number}" for number in range(300)]
    lambda_ = Invocations(publish_ms=publish_ms)

    lambda_.run([change(task) for task in tasks])

    assert lambda_.published == tasks
    assert lambda_.count >= 300 * publish_ms // TIMEOUT_MS


def test_time_for_a_change_without_an_answer_is_left() -> None:
    lambda_ = Invocations(publish_ms=TIMEOUT_MS - STOP_BEFORE_END_MS + 1)
    changes = [change("a"), change("b")]

    assert lambda_.invoke(changes) == changes[1:]


@pytest.mark.parametrize(
    "error",
    [REFUSED, ParamValidationError(report="too long"), ValueError("a defect"), KeyError("a defect")],
    ids=["refused", "invalid", "value", "key"],
)
def test_what_no_repetition_settles_is_set_aside_and_delays_no_other(error: Exception) -> None:
    """The callback of one legal task was refused as too long 50 times, in the order of the stream."""
    lambda_ = Invocations(errors={"b": error})

    assert lambda_.invoke([change("a"), change("b"), change("c")]) == ()
    assert lambda_.published == ["a", "c"]
    [message] = lambda_.aside
    assert '"id":"b"' in message
    assert type(error).__name__ in message


def test_the_log_names_the_task_of_a_change_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    lambda_ = Invocations(errors={"a": THROTTLED})

    lambda_.invoke([change("a", id=scoped("shop", "a"))])

    (line,) = (vars(record) for record in caplog.records if record.message == "change_not_settled")
    assert (line["task_id"], line["levelname"]) == ("a", "ERROR")


def test_an_unreadable_record_is_set_aside() -> None:
    lambda_ = Invocations()

    assert lambda_.invoke([change("a", status="COMPLETED", attempts="many"), change("b")]) == ()
    assert lambda_.published == ["b"]
    assert '"id":"a"' in lambda_.aside[0]


@pytest.mark.parametrize(
    "error",
    [
        THROTTLED,
        EndpointConnectionError(endpoint_url="http://sns"),
        ReadTimeoutError(endpoint_url="http://sns"),
        OSError("reset"),
    ],
    ids=["throttled", "no connection", "no answer", "reset"],
)
def test_what_may_pass_is_repeated_in_order(error: Exception) -> None:
    lambda_ = Invocations(errors={"b": error})
    changes = [change("a"), change("b"), change("c")]

    assert lambda_.invoke(changes) == changes[1:]
    assert (lambda_.published, lambda_.aside) == (["a"], [])


def test_a_change_that_could_not_be_set_aside_is_repeated() -> None:
    lambda_ = Invocations(errors={"a": REFUSED}, aside_errors=[THROTTLED])
    changes = [change("a"), change("b")]

    assert lambda_.invoke(changes) == changes
    assert lambda_.invoke(changes) == ()
    assert len(lambda_.aside) == 1
