"""A replica whose machine has the wrong time: its leases hold, or it ends by itself."""

import logging
import queue
import threading
import time

import pytest
from botocore.exceptions import ClientError

from contract.lease import Lease
from runtime_image.agent.core.events import Event, MachineUnfit
from runtime_image.agent.core.task_queue import ReceivedMessage, TaskQueue
from runtime_image.agent.intake.prefetcher import QueuePoller
from runtime_image.process.aws import AwsClients
from runtime_image.process.clock import AwsClock, Clock
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import EventLog
from task_store.repository import TaskRepository
from tests.integration.agent.harness import Harness

LEASE_SECONDS = 30


def true_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.mark.parametrize("skew_seconds", [-290, -240, 240, 290])
def test_a_lease_ends_when_it_should_although_the_clock_is_wrong(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, skew_seconds: int
) -> None:
    """A replica four minutes behind wrote leases that had ended already, so a sweep released its tasks five times."""
    monkeypatch.setattr(Clock, "now_ms", lambda _: true_ms() + skew_seconds * 1000)
    monkeypatch.setenv("AWS_ENDPOINT_URL", harness.endpoint_url)
    message = harness.submit("late")
    clock, started_at_ms = AwsClock(), true_ms()
    aws = AwsClients(clock=clock)
    repository = TaskRepository(
        client=aws.table, table_name=harness.task_table, retention_seconds=60, now_ms=clock.now_ms
    )
    tasks = TaskQueue(client=aws.queue, queue_url=harness.queue_url, visibility_timeout_seconds=30, clock=clock)
    assert tasks.receive(1)

    repository.claim(Lease(message.task_key, message.run_id, "replica/1"), lease_seconds=LEASE_SECONDS)

    ends_at_ms = harness.read("late").lease_expires_at_ms
    assert ends_at_ms is not None
    # The header has whole seconds.
    assert started_at_ms - 1000 <= ends_at_ms - LEASE_SECONDS * 1000 <= true_ms()


class RefusingQueue(TaskQueue):
    """A queue of which AWS refuses every request, as it does with a clock that is too wrong."""

    def __init__(self) -> None:
        pass

    def receive(self, count: int) -> tuple[ReceivedMessage, ...]:
        raise ClientError({"Error": {"Code": "InvalidSignatureException"}}, f"ReceiveMessage of {count}")


class SkewedClock(Clock):
    """A clock that knows how wrong it is, and sleeps no time."""

    def __init__(self, skew_seconds: float) -> None:
        self._skew_seconds = skew_seconds

    @property
    def skew_seconds(self) -> float:
        return self._skew_seconds

    def sleep(self, seconds: float) -> None:
        pass


@pytest.mark.parametrize(("skew_seconds", "ends"), [(-310, True), (310, True), (-290, False), (0, False)])
def test_a_replica_whose_requests_aws_refuses_for_its_clock_ends(skew_seconds: float, *, ends: bool) -> None:
    posted: queue.SimpleQueue[Event] = queue.SimpleQueue()
    log = EventLog(logging.getLogger("test"))
    poller = QueuePoller(queue_=RefusingQueue(), clock=SkewedClock(skew_seconds), log=log, post=posted.put)
    threading.Thread(target=poller.run, daemon=True).start()

    poller.request(1)

    assert (posted.get(timeout=30) == MachineUnfit(ExitCode.CLOCK_WRONG)) is ends
