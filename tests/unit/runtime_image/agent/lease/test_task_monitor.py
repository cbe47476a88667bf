"""Heartbeats of tasks: each refusal of a record is reported with its reason, and no check waits for a hanging one."""

import pytest
from botocore.exceptions import EndpointConnectionError

from contract.lease import LeaseLost, TaskCancelled
from runtime_image.agent.core import events as on
from runtime_image.agent.core.claimed_task import NO_PROGRESS
from runtime_image.agent.core.completion import AbandonReason
from runtime_image.agent.lease.task_monitor import HEARTBEAT_SECONDS, LeaseCheck, ProgressWrite, TaskMonitor
from tests.unit.runtime_image.agent.fakes import FakePools, FakeRepository
from tests.unit.runtime_image.agent.tasks import held_task


@pytest.mark.parametrize(
    ("refusal", "reason"), [(TaskCancelled(), AbandonReason.CANCELLED), (LeaseLost(), AbandonReason.LEASE_LOST)]
)
def test_a_refused_check_is_reported_with_its_reason(refusal: LeaseLost, reason: AbandonReason) -> None:
    repository, task, unread = FakeRepository(), held_task(), held_task("unread")
    repository.refusal, repository.unread = refusal, {unread.lease}

    lost = on.TaskLost(task, reason)
    assert ProgressWrite(repository=repository).run(task, NO_PROGRESS) == lost
    assert LeaseCheck(repository=repository).run([unread, task]) == on.LeasesChecked(lost=(lost,))


def test_an_interrupt_of_the_caller_reaches_the_task() -> None:
    repository, task = FakeRepository(), held_task()
    assert LeaseCheck(repository=repository).run([task]) == on.LeasesChecked()
    repository.is_interrupted = True

    checked = LeaseCheck(repository=repository).run([task])
    assert checked == on.LeasesChecked(interrupted=(task,))
    assert TaskMonitor(pools=FakePools()).leases_checked(checked) == ()
    assert task.must_be_cut


def test_without_an_answer_the_task_is_still_held() -> None:
    repository, task = FakeRepository(), held_task()
    for _ in range(2):
        repository.problems.put(EndpointConnectionError(endpoint_url="http://aws"))

    assert ProgressWrite(repository=repository).run(task, NO_PROGRESS) == on.ProgressWritten(task)
    assert LeaseCheck(repository=repository).run([task]) == on.LeasesChecked()


def test_checks_go_on_beside_hanging_ones_and_do_not_pile_up() -> None:
    pools, task = FakePools(), held_task()
    monitor = TaskMonitor(pools=pools)
    for second in range(LeaseCheck.workers + 2):
        monitor.send_heartbeats([task], second * HEARTBEAT_SECONDS)
    assert pools.pop_jobs() == [("check_leases", [task])] * LeaseCheck.workers

    monitor.leases_checked(on.LeasesChecked())
    monitor.send_heartbeats([task], 60.0)
    assert pools.pop_jobs() == [("check_leases", [task])]
