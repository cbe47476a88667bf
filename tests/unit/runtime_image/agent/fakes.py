"""Stand-ins for the agent's collaborators, with the same methods and no threads, sockets or AWS."""

import queue
from collections.abc import Iterable
from typing import Any

from contract.errors import DarkroomError
from contract.record import Record
from contract.transitions import Outcome
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.errors import MessageNotHeld
from runtime_image.agent.core.events import AbandonReason
from runtime_image.agent.core.worker_pools import WorkerPools
from runtime_image.agent.generate.progress_watch import ProgressWatch
from runtime_image.agent.intake.queue_poller import QueuePoller
from runtime_image.agent.intake.task_queue import ReceivedMessage, TaskQueue
from runtime_image.agent.lease.lease_renewal import LeaseRenewal
from runtime_image.agent.orchestrator.placement import Placement
from runtime_image.agent.prepare.model_tools import ModelTools
from runtime_image.agent.telemetry.observer import TaskResult
from runtime_image.webui.checkpoints import Checkpoints
from runtime_image.webui.options import OptionOverrides
from runtime_image.webui.request import WebUiRequest
from task_store.lease import Lease, LeaseLost, ProgressReport
from task_store.repository import TaskRepository


class FakePools(WorkerPools):
    """Notes what it is asked to do; the test posts the outcome."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Any, ...]] = []

    def await_webui(self) -> None:
        self.jobs.append(("await_webui",))

    def claim(self, message: ReceivedMessage) -> None:
        self.jobs.append(("claim", message))

    def requeue_message(self, message: ReceivedMessage, delay_seconds: float = 0) -> None:
        self.jobs.append(("requeue_message", message, delay_seconds))

    def prepare(self, task: ClaimedTask) -> None:
        self.jobs.append(("prepare", task))

    def load_checkpoint(self, task: ClaimedTask, name: str) -> None:
        self.jobs.append(("load_checkpoint", task, name))

    def pin_options(self, task: ClaimedTask, keys: frozenset[str]) -> None:
        self.jobs.append(("pin_options", task, keys))

    def generate(self, task: ClaimedTask, request: WebUiRequest) -> None:
        self.jobs.append(("generate", task))

    def interrupt(self, task: ClaimedTask) -> None:
        self.jobs.append(("interrupt", task))

    def store(self, task: ClaimedTask, request: WebUiRequest, answer: Any) -> None:
        self.jobs.append(("store", task, answer))

    def fail(self, task: ClaimedTask, error: DarkroomError) -> None:
        self.jobs.append(("fail", task, error.code))

    def release(self, task: ClaimedTask, error: DarkroomError | None) -> None:
        self.jobs.append(("release", task, error and error.code))

    def abandon(self, task: ClaimedTask, reason: AbandonReason) -> None:
        self.jobs.append(("abandon", task, reason))

    def heartbeat(self, task: ClaimedTask, report: ProgressReport | None) -> None:
        self.jobs.append(("heartbeat", task, report))

    def store_preview(self, task: ClaimedTask, picture: str) -> None:
        self.jobs.append(("store_preview", task, picture))

    def pop_jobs(self) -> list[tuple[Any, ...]]:
        """Return what was asked for since the last call."""
        jobs, self.jobs = self.jobs, []
        return jobs


class FakePoller(QueuePoller):
    def __init__(self) -> None:
        self.requested = 0

    def request(self, count: int) -> None:
        self.requested += count


class FakeLeaseRenewal(LeaseRenewal):
    """Keeps nothing; leases last 50 s from the delivery."""

    def __init__(self) -> None:
        self.held: list[ClaimedTask] = []

    def lease_end(self, message: ReceivedMessage) -> float:
        return message.received_at + 50

    def start(self, task: ClaimedTask) -> None:
        self.held.append(task)

    def stop(self, task: ClaimedTask) -> None:
        if task in self.held:
            self.held.remove(task)


class FakeWatch(ProgressWatch):
    def __init__(self) -> None:
        self.interval_seconds: float | None = None

    def set_interval(self, interval_seconds: float | None) -> None:
        self.interval_seconds = interval_seconds


class FakeCheckpoints(Checkpoints):
    """Has whatever the test puts into `name` loaded."""

    def __init__(self) -> None:
        self.name: str | None = None

    def is_loaded(self, name: str | None) -> bool:
        return name is None or name == self.name

    def forget(self) -> None:
        self.name = None

    def check_answer(self, name: str | None, answer: object) -> None:
        pass

    @property
    def loaded_name(self) -> str | None:
        return self.name


class FakeOrchestrator:
    """Remembers what it was told; `problems` are raised one by one, by calls, and `look_problems` by looks."""

    def __init__(self, *, renew_seconds: float | None = None) -> None:
        self.renew_seconds = renew_seconds
        self.reported: list[bool] = []
        self.placement: Placement = {}
        self.problems: list[Exception] = []
        self.check_problems: list[Exception] = []
        self.ending = False

    def report(self, *, busy: bool) -> Placement:
        if self.problems:
            raise self.problems.pop(0)
        self.reported.append(busy)
        return self.placement

    def is_ending(self) -> bool:
        if self.check_problems:
            raise self.check_problems.pop(0)
        return self.ending


class FakeObserver:
    """Remembers the endings that it was told of."""

    def __init__(self) -> None:
        self.completion: list[tuple[str, TaskResult, int, str | None]] = []

    def task_ended(self, task: ClaimedTask, ending: TaskResult, *, pictures: int, error_code: str | None) -> None:
        self.completion.append((task.metadata.id, ending, pictures, error_code))


class FakeServiceOptions(OptionOverrides):
    """Has whatever the test puts into `guarded` guarded."""

    def __init__(self) -> None:
        self.pinned: set[str] = set()

    def restore(self) -> None:
        pass

    def checkpoint_was_loaded(self) -> None:
        pass

    def are_pinned(self, keys: Iterable[str]) -> bool:
        return self.pinned.issuperset(keys)


class FakeRepository(TaskRepository):
    """A table of one record; `refuse` makes conditional writes fail, `problems` are raised one by one."""

    def __init__(self) -> None:
        self.stored: Record | None = None
        self.refuse = False
        self.claims: list[Lease] = []
        self.problems: queue.SimpleQueue[Exception] = queue.SimpleQueue()
        self.writes: list[tuple[Any, ...]] = []

    def _write_or_refuse(self, *write: Any) -> None:
        if not self.problems.empty():
            raise self.problems.get()
        if self.refuse:
            raise LeaseLost
        self.writes.append(write)

    def read(self, task_id: str, *, is_current: bool = True) -> Record | None:
        return self.stored

    def claim(self, lease: Lease, *, lease_seconds: float) -> int:
        self.claims.append(lease)
        self._write_or_refuse("claim", lease_seconds)
        return 1

    def renew(self, lease: Lease, *, lease_seconds: float) -> None:
        self._write_or_refuse("renew", lease_seconds)

    def release(self, lease: Lease, *, next_check_at_ms: int, error: DarkroomError | None) -> None:
        self._write_or_refuse("release", error and error.code)

    def finish(self, lease: Lease, outcome: Outcome) -> None:
        self._write_or_refuse("finish", outcome.status.value)

    def expire(self, task_id: str, run: str) -> None:
        self._write_or_refuse("expire")


class FakeQueue(TaskQueue):
    """Notes what happens to messages."""

    def __init__(self) -> None:
        self.visibility_timeout_seconds = 60
        self.actions: list[tuple[Any, ...]] = []
        self.gone: set[str] = set()

    def extend(self, receipt_handle: str) -> None:
        if receipt_handle in self.gone:
            raise MessageNotHeld
        self.actions.append(("extend", receipt_handle))

    def requeue(self, receipt_handle: str, delay_seconds: float = 0) -> None:
        self.actions.append(("requeue", receipt_handle, delay_seconds))

    def delete(self, receipt_handle: str) -> None:
        self.actions.append(("delete", receipt_handle))


class NoModelTools(ModelTools):
    """Without a model bucket."""

    def __init__(self) -> None:
        self.named = None
