"""Stand-ins for the agent's collaborators, with the same methods and no threads, sockets or AWS."""

import queue
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from contract.errors import DarkroomError
from contract.lease import Lease, LeaseLost, ProgressReport
from contract.record import Record
from contract.storage import CHECKPOINT_FOLDER
from contract.task import Task
from contract.tenancy import tenant_in
from contract.transitions import Outcome
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.claimed_tasks import COMPLETE
from runtime_image.agent.core.completion import Release
from runtime_image.agent.core.engine import EngineDraft
from runtime_image.agent.core.errors import MessageNotInFlight
from runtime_image.agent.core.task_queue import ReceivedMessage, TaskQueue
from runtime_image.agent.core.task_result import TaskResult
from runtime_image.agent.core.worker_pools import WorkerPools
from runtime_image.agent.generate.progress_monitor import ProgressPoller
from runtime_image.agent.intake.prefetcher import QueuePoller
from runtime_image.agent.lease.lease_renewal import LeaseRenewal
from runtime_image.agent.orchestrator.orchestrator import Orchestrator
from runtime_image.agent.orchestrator.placement import Placement
from runtime_image.process.engine import ModelReference, Outputs, Progress, UnclearFailure
from runtime_image.webui.errors import WebUiHung
from runtime_image.webui.request import WebUiRequest
from task_store.repository import TaskRepository


class FakePools(WorkerPools):
    """Records what it is asked to do; the test posts the outcome."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Any, ...]] = []

    def run_stage(self, name: str, task: ClaimedTask) -> None:
        self.jobs.append(_completion(task) if name == COMPLETE else (name, task))

    def run_job(self, name: str, *arguments: object) -> None:
        self.jobs.append((name, *arguments))

    def pop_jobs(self) -> list[tuple[Any, ...]]:
        """Return what was asked for since the last call."""
        jobs, self.jobs = self.jobs, []
        return jobs


def _completion(task: ClaimedTask) -> tuple[Any, ...]:
    match task.completion:
        case Outcome(error=error) as outcome:
            return "finish", task, error["code"] if error else outcome.status.value
        case Release(error):
            return "release", task, error and error.code
        case reason:
            return "abandon", task, reason


@dataclass
class FakeEngine:
    """An engine with whatever model and settings the test gives it."""

    hung_error = WebUiHung

    name: str | None = None
    pinned: set[str] = field(default_factory=set)

    @property
    def loaded_model(self) -> str | None:
        return self.name

    @property
    def loaded_models(self) -> list[ModelReference]:
        return [ModelReference(CHECKPOINT_FOLDER, self.name)] if self.name else []

    def is_named(self, folder: str) -> bool:
        return folder in {CHECKPOINT_FOLDER, "Lora", "VAE"}

    def draft(self, task: Task, *, checkpoint: str | None) -> EngineDraft:
        raise NotImplementedError

    def check_ready(self) -> None:
        raise NotImplementedError

    def read_progress(self, *, with_picture: bool = False) -> Progress:
        raise NotImplementedError

    def forget(self) -> None:
        self.name = None


@dataclass
class FakeCall:
    """A call with the properties of a request of the SD Web UI."""

    request: WebUiRequest
    engine: FakeEngine
    checkpoint: str | None = None
    is_trial: bool = False
    is_identified: bool = False
    is_closed: bool = False

    @property
    def takes_lock(self) -> bool:
        return self.request.takes_lock

    @property
    def generates(self) -> bool:
        return self.request.generates

    @property
    def is_exclusive(self) -> bool:
        return self.request.is_exclusive or self.is_trial

    def has_model(self) -> bool:
        return self.checkpoint in {None, self.engine.name}

    def is_set_up(self) -> bool:
        return self.has_model() and self.engine.pinned.issuperset(self.request.overridden_options)

    def set_up(self) -> Mapping[str, object]:
        return {}

    def run(self, *, timeout_seconds: float) -> object:
        raise NotImplementedError

    def on_trial(self, failure: UnclearFailure) -> "FakeCall | None":
        return None if self.is_trial else replace(self, is_trial=True)

    def interrupt(self) -> None:
        pass

    def read_outputs(self, answer: object) -> Outputs:
        raise NotImplementedError

    def close(self) -> None:
        self.is_closed = True


class FakePoller(QueuePoller):
    """Counts the messages that it is asked for."""

    def __init__(self) -> None:
        self.requested = 0

    def request(self, count: int) -> None:
        self.requested += count


class FakeLeaseRenewal(LeaseRenewal):
    """Renews nothing; leases last 50 s from the delivery."""

    def __init__(self) -> None:
        self.held: list[ClaimedTask] = []

    def lease_end(self, message: ReceivedMessage) -> float:
        return message.received_at + 50

    def start(self, task: ClaimedTask) -> None:
        self.held.append(task)

    def stop(self, task: ClaimedTask) -> None:
        if task in self.held:
            self.held.remove(task)


class FakeProgressPoller(ProgressPoller):
    """Records the interval that it is given."""

    def __init__(self) -> None:
        self.interval_seconds: float | None = None

    def set_interval(self, interval_seconds: float | None) -> None:
        self.interval_seconds = interval_seconds


class FakeOrchestrator(Orchestrator):
    """Records reports; `problems` are raised one by one, by reports, and `check_problems` by checks."""

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
    """Records the results of tasks."""

    def __init__(self) -> None:
        self.results: list[tuple[str, TaskResult, int, str | None]] = []

    def task_ended(self, task: ClaimedTask, result: TaskResult, *, pictures: int, error_code: str | None) -> None:
        self.results.append((task.metadata.id, result, pictures, error_code))


#: Tenant of the tasks of all tests of the agent, so that no read by the plain id finds a record.
TENANT: Final = "shop"


class FakeRepository(TaskRepository):
    """A table of one record.

    `refusal` is raised by conditional writes, `read_problem` by reads, and `problems` one by one. A check of leases
    leaves out those in `unread`.
    """

    def __init__(self) -> None:
        self.stored: Record | None = None
        self.read_problem: Exception | None = None
        self.refusal: LeaseLost | None = None
        self.is_interrupted = False
        self.unread: set[Lease] = set()
        self.claims: list[Lease] = []
        self.problems: queue.SimpleQueue[Exception] = queue.SimpleQueue()
        self.writes: list[tuple[Any, ...]] = []

    def _write_or_refuse(self, *write: Any) -> None:
        if not self.problems.empty():
            raise self.problems.get()
        if self.refusal:
            raise self.refusal
        self.writes.append(write)

    def read(self, task_key: str, *, is_current: bool = True) -> Record | None:
        if self.read_problem:
            raise self.read_problem
        return self.stored if tenant_in(task_key) == TENANT else None

    def check_leases(self, leases: Collection[Lease]) -> dict[Lease, bool | LeaseLost]:
        if not self.problems.empty():
            raise self.problems.get()
        return dict.fromkeys(set(leases) - self.unread, self.refusal or self.is_interrupted)

    def claim(self, lease: Lease, *, lease_seconds: float) -> int:
        self.claims.append(lease)
        self._write_or_refuse("claim", lease_seconds)
        return 1

    def renew(self, lease: Lease, *, lease_seconds: float) -> None:
        self._write_or_refuse("renew", lease_seconds)

    def report_progress(self, lease: Lease, report: ProgressReport) -> None:
        self._write_or_refuse("progress", report)

    def release(self, lease: Lease, *, next_check_at_ms: int, error: DarkroomError | None) -> None:
        self._write_or_refuse("release", error and error.code)

    def finish(self, lease: Lease, outcome: Outcome) -> None:
        self._write_or_refuse("finish", outcome.status.value)

    def expire(self, task_id: str, run_id: str) -> None:
        self._write_or_refuse("expire")


class FakeQueue(TaskQueue):
    """Records what happens to messages; `problem` is raised by every requeue and deletion."""

    def __init__(self) -> None:
        self.visibility_timeout_seconds = 60
        self.actions: list[tuple[Any, ...]] = []
        self.gone: set[str] = set()
        self.problem: Exception | None = None

    def extend(self, receipt_handle: str) -> None:
        if receipt_handle in self.gone:
            raise MessageNotInFlight
        self.actions.append(("extend", receipt_handle))

    def requeue(self, receipt_handle: str, delay_seconds: float = 0) -> None:
        if self.problem:
            raise self.problem
        self.actions.append(("requeue", receipt_handle, delay_seconds))

    def delete(self, receipt_handle: str) -> None:
        if self.problem:
            raise self.problem
        self.actions.append(("delete", receipt_handle))
