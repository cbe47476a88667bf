"""Heartbeats of tasks: each refusal of the record is reported with its reason."""

import pytest
from botocore.exceptions import EndpointConnectionError

from runtime_image.agent.core import events as on
from runtime_image.agent.core.claimed_task import NO_PROGRESS
from runtime_image.agent.core.completion import AbandonReason
from runtime_image.agent.lease.task_monitor import TaskHeartbeat
from task_store.lease import LeaseLost, ProgressReport, TaskCancelled
from tests.unit.runtime_image.agent.fakes import FakeRepository
from tests.unit.runtime_image.agent.tasks import held_task


@pytest.mark.parametrize(
    ("refusal", "reason"), [(TaskCancelled(), AbandonReason.CANCELLED), (LeaseLost(), AbandonReason.LEASE_LOST)]
)
def test_a_refused_check_is_reported_with_its_reason(refusal: LeaseLost, reason: AbandonReason) -> None:
    repository, task = FakeRepository(), held_task()
    repository.refusal = refusal

    assert TaskHeartbeat(repository=repository).run(task, None) == on.TaskLost(task, reason)


@pytest.mark.parametrize("report", [None, NO_PROGRESS])
def test_without_an_answer_the_task_is_still_held(report: ProgressReport | None) -> None:
    repository, task = FakeRepository(), held_task()
    repository.problems.put(EndpointConnectionError(endpoint_url="http://aws"))

    assert TaskHeartbeat(repository=repository).run(task, report) == on.HeartbeatDone(task)
