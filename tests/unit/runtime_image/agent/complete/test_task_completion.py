"""Completion of tasks: the record and the messages of each result, also when AWS refuses."""

import json
import logging
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from contract.lease import LeaseLost, TaskCancelled
from contract.record import Record, Status
from contract.transitions import Outcome
from guarded_http.errors import LinkRefused
from runtime_image.agent.complete.task_completion import RETRY_DELAYS_SECONDS, TaskCompletion
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.completion import AbandonReason, Completion, Release
from runtime_image.agent.core.task_result import TaskResult
from runtime_image.process.logs import EventLog, JsonFormatter
from runtime_image.process.retry import Retry
from runtime_image.webui.errors import WebUiFailed, WebUiOutOfMemory
from tests.harness.still_clock import StillClock
from tests.unit.runtime_image.agent.fakes import FakeLeaseRenewal, FakeObserver, FakeQueue, FakeRepository
from tests.unit.runtime_image.agent.records import record
from tests.unit.runtime_image.agent.tasks import held_task, received

FAILED = Outcome(Status.FAILED, error=LinkRefused("no").as_dict())
COMPLETED = Outcome(Status.COMPLETED, image_urls=("s3://b/1", "s3://b/2"), output_url="s3://b/1.out")


class Harness:
    """The completion on a fake table and queue."""

    def __init__(self) -> None:
        self.repository, self.queue, self.clock = FakeRepository(), FakeQueue(), StillClock()
        self.observer, self.lease_renewal = FakeObserver(), FakeLeaseRenewal()
        log = EventLog(logging.getLogger("completion"))
        self.completion = TaskCompletion(
            repository=self.repository,
            queue=self.queue,
            lease_renewal=self.lease_renewal,
            retry=Retry(clock=self.clock, log=log),
            observers=[self.observer],
            clock=self.clock,
            log=log,
        )

    def complete(self, completion: Completion, task: ClaimedTask | None = None) -> None:
        """Complete a task."""
        task = task or held_task()
        task.completion = completion
        self.completion.run(task)

    def aws_fails(self, times: int) -> None:
        """Let the next writes fail."""
        for _ in range(times):
            self.repository.problems.put(EndpointConnectionError(endpoint_url="http://aws"))


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_the_record_is_final_before_the_messages_are_deleted(harness: Harness) -> None:
    task = held_task()
    task.duplicates.append(received(message_id="m-2"))
    harness.aws_fails(3)

    harness.complete(COMPLETED, task)

    assert harness.repository.writes == [("finish", "COMPLETED")]
    assert harness.queue.actions == [("delete", "handle-cat"), ("delete", "handle-m-2")]
    assert harness.observer.results == [("cat", TaskResult.COMPLETED, 2, None)]


def test_the_lease_is_not_renewed_any_more(harness: Harness) -> None:
    task = held_task()
    harness.lease_renewal.start(task)

    harness.complete(COMPLETED, task)

    assert harness.lease_renewal.held == []


def test_a_failure_that_meets_a_cancel_leaves_the_cancel(harness: Harness) -> None:
    harness.repository.refusal, harness.repository.stored = TaskCancelled(), record(status=Status.CANCELLED)

    harness.complete(FAILED)

    assert harness.queue.actions == [("delete", "handle-cat")]
    assert harness.observer.results == [("cat", TaskResult.CANCELLED, 0, None)]


@pytest.mark.parametrize(
    ("completion", "code", "reason"),
    [(Release(WebUiFailed("crash")), "webui_failed", "crash"), (Release(reason="it stops"), None, "it stops")],
)
def test_the_log_says_why_a_task_is_released(
    harness: Harness, caplog: pytest.LogCaptureFixture, completion: Release, code: str | None, reason: str
) -> None:
    caplog.set_level(logging.INFO, "completion")

    harness.complete(completion)

    line = json.loads(JsonFormatter().format(caplog.records[0]))
    assert (line["event"], line["code"], line["reason"]) == ("task_released", code, reason)


def test_a_release_is_delayed_by_delivery(harness: Harness) -> None:
    for receive_count, delay in enumerate([*RETRY_DELAYS_SECONDS, RETRY_DELAYS_SECONDS[-1]], 1):
        task = held_task()
        task.message = received(receive_count=receive_count)
        harness.complete(Release(WebUiFailed("crash")), task)
        assert harness.queue.actions[-1] == ("requeue", "handle-m-1", delay)
    harness.complete(Release())
    assert harness.repository.writes[-1] == ("release", None)
    assert harness.queue.actions[-1] == ("requeue", "handle-cat", 0.0)
    assert harness.observer.results[-2:] == [
        ("cat", TaskResult.RELEASED, 0, "webui_failed"),
        ("cat", TaskResult.RELEASED, 0, None),
    ]


@pytest.mark.parametrize(
    ("attempt", "last_error", "write"),
    [
        (1, None, ("release", "out_of_memory")),
        (2, None, ("release", "out_of_memory")),
        (2, {"code": "webui_unreachable", "message": "cut"}, ("release", "out_of_memory")),
        (2, {"code": "out_of_memory", "message": "CUDA out of memory"}, ("finish", "FAILED")),
    ],
)
def test_a_task_fails_when_it_needs_too_much_memory_for_the_second_time_in_a_row(
    harness: Harness, attempt: int, last_error: dict[str, Any] | None, write: tuple[str, str]
) -> None:
    task = held_task()
    task.attempt = attempt
    harness.repository.stored = record(last_error=last_error)

    harness.complete(Release(WebUiOutOfMemory("CUDA out of memory")), task)

    assert harness.repository.writes == [write]
    (result,) = harness.observer.results
    assert result[3] == "out_of_memory"


def test_aws_is_asked_again_only_while_the_lease_holds(harness: Harness) -> None:
    harness.aws_fails(1000)

    harness.complete(FAILED)

    assert harness.repository.writes == []
    assert 1050.0 <= harness.clock.seconds < 1053.0
    assert harness.queue.actions == []
    assert harness.observer.results == [("cat", TaskResult.LEASE_EXPIRED, 0, None)]


@pytest.mark.parametrize(
    ("reason", "stored", "writes", "actions"),
    [
        (AbandonReason.CANCELLED, record(status=Status.CANCELLED), [], [("delete", "handle-cat")]),
        (AbandonReason.LEASE_LOST, record(status=Status.COMPLETED), [], [("delete", "handle-cat")]),
        (AbandonReason.LEASE_LOST, record(lease_owner="other"), [], []),
        (AbandonReason.LEASE_LOST, record(status=Status.IN_QUEUE), [], [("requeue", "handle-cat", 0)]),
        (AbandonReason.LEASE_EXPIRED, record(), [], []),
        (AbandonReason.LEASE_LOST, None, [], []),
        (AbandonReason.MESSAGE_LOST, record(), [("release", None)], []),
    ],
)
def test_an_abandoned_task_is_tidied_up(
    harness: Harness,
    reason: AbandonReason,
    stored: Record | None,
    writes: list[tuple[Any, ...]],
    actions: list[tuple[Any, ...]],
) -> None:
    harness.repository.stored = stored

    harness.complete(reason)

    assert harness.repository.writes == writes
    assert harness.queue.actions == actions


def test_a_lost_message_of_a_lost_lease_leaves_nothing_to_tidy_up(harness: Harness) -> None:
    harness.repository.refusal = LeaseLost()

    harness.complete(AbandonReason.MESSAGE_LOST)

    assert harness.observer.results == [("cat", TaskResult.MESSAGE_LOST, 0, None)]


@pytest.mark.parametrize(
    ("reason", "event", "level", "result"),
    [
        (AbandonReason.CANCELLED, "task_cancelled", "INFO", TaskResult.CANCELLED),
        (AbandonReason.LEASE_LOST, "lease_lost", "WARNING", TaskResult.LEASE_LOST),
        (AbandonReason.LEASE_EXPIRED, "lease_expired", "WARNING", TaskResult.LEASE_EXPIRED),
        (AbandonReason.MESSAGE_LOST, "message_lost", "WARNING", TaskResult.MESSAGE_LOST),
    ],
)
def test_each_reason_has_its_log_event_and_its_metric(
    harness: Harness,
    caplog: pytest.LogCaptureFixture,
    reason: AbandonReason,
    event: str,
    level: str,
    result: TaskResult,
) -> None:
    caplog.set_level(logging.INFO, "completion")
    harness.repository.stored = record()

    harness.complete(reason)

    line = json.loads(JsonFormatter().format(caplog.records[0]))
    assert (line["event"], line["level"], line["task_id"]) == (event, level, "cat")
    assert harness.observer.results == [("cat", result, 0, None)]


@pytest.mark.parametrize(
    ("refusal", "result"), [(TaskCancelled(), TaskResult.CANCELLED), (LeaseLost(), TaskResult.LEASE_LOST)]
)
@pytest.mark.parametrize("completion", [COMPLETED, FAILED, Release(), Release(WebUiFailed("crash"))])
def test_a_refused_write_shows_why_the_task_is_lost(
    harness: Harness, completion: Completion, refusal: LeaseLost, result: TaskResult
) -> None:
    harness.repository.refusal, harness.repository.stored = refusal, record(lease_owner="other")

    harness.complete(completion)

    assert harness.observer.results == [("cat", result, 0, None)]


@pytest.mark.parametrize(
    ("outcome", "stored", "result"),
    [
        (COMPLETED, record(status=Status.COMPLETED, output_url="s3://b/1.out"), TaskResult.COMPLETED),
        (FAILED, record(status=Status.FAILED, error_code=LinkRefused.code), TaskResult.FAILED),
        # Another replica's attempt.
        (COMPLETED, record(status=Status.COMPLETED, output_url="s3://b/2.out"), TaskResult.LEASE_LOST),
        (FAILED, record(status=Status.FAILED, error_code="worker_lost"), TaskResult.LEASE_LOST),
    ],
)
def test_an_outcome_whose_answer_was_lost_counts_as_written(
    harness: Harness, outcome: Outcome, stored: Record, result: TaskResult
) -> None:
    """botocore repeats a write without an answer, and DynamoDB refuses the second one."""
    harness.repository.refusal, harness.repository.stored = LeaseLost(), stored

    harness.complete(outcome)

    assert [each[1] for each in harness.observer.results] == [result]
    assert harness.queue.actions == [("delete", "handle-cat")]


@pytest.mark.parametrize(
    ("refusal", "completion", "attempt", "result"),
    [
        (LeaseLost(), COMPLETED, 1, TaskResult.LEASE_LOST),
        (None, Release(WebUiOutOfMemory("CUDA out of memory")), 2, TaskResult.RELEASED),
    ],
)
def test_a_record_that_cannot_be_read_decides_nothing(
    harness: Harness, refusal: LeaseLost | None, completion: Completion, attempt: int, result: TaskResult
) -> None:
    harness.repository.refusal = refusal
    harness.repository.read_problem = EndpointConnectionError(endpoint_url="http://aws")
    task = held_task()
    task.attempt = attempt

    harness.complete(completion, task)

    assert [each[1] for each in harness.observer.results] == [result]


@pytest.mark.parametrize(
    ("completion", "result"),
    [
        (COMPLETED, TaskResult.COMPLETED),
        (Release(), TaskResult.RELEASED),
        (AbandonReason.CANCELLED, TaskResult.CANCELLED),
    ],
)
def test_a_queue_without_answers_ends_no_agent(harness: Harness, completion: Completion, result: TaskResult) -> None:
    harness.queue.problem = EndpointConnectionError(endpoint_url="http://aws")

    harness.complete(completion)

    assert [each[1] for each in harness.observer.results] == [result]


@pytest.mark.parametrize("completion", [COMPLETED, FAILED])
def test_an_outcome_that_aws_refuses_for_good_fails_the_task_at_once(harness: Harness, completion: Outcome) -> None:
    """A record above 400 KB was refused in three generations, and then the machine was blamed."""
    harness.repository.problems.put(ClientError({"Error": {"Code": "ValidationException"}}, "UpdateItem"))
    started_at = harness.clock.seconds

    harness.complete(completion)

    assert harness.clock.seconds == started_at
    assert harness.repository.writes == [("finish", "FAILED")]
    assert harness.observer.results[-1][1:] == (TaskResult.FAILED, 0, "storage_refused")
    assert harness.queue.actions == [("delete", "handle-cat")]


def test_the_refusal_of_even_that_failure_leaves_the_task_to_its_lease(harness: Harness) -> None:
    for _ in range(2):
        harness.repository.problems.put(ClientError({"Error": {"Code": "ValidationException"}}, "UpdateItem"))

    harness.complete(COMPLETED)

    assert harness.repository.writes == []
    assert harness.observer.results[-1][1] is TaskResult.LEASE_EXPIRED
