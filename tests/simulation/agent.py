"""Agent of a simulation: the real claims, leases and completions, with a draw instead of an engine."""

import logging
import random
import threading
from typing import Any

from contract.errors import DarkroomError
from contract.message import TaskMessage
from contract.record import Status
from contract.transitions import Outcome
from runtime_image.agent.complete.task_completion import TaskCompletion
from runtime_image.agent.core import events as on
from runtime_image.agent.core.claimed_task import ClaimedTask, TaskPhase
from runtime_image.agent.core.claimed_tasks import ClaimedTasks
from runtime_image.agent.core.errors import StorageFailed
from runtime_image.agent.core.task_queue import TaskQueue
from runtime_image.agent.core.worker_pools import Job, WorkerPools
from runtime_image.agent.intake.prefetcher import MessageRequeue, Prefetcher
from runtime_image.agent.intake.task_claimer import MessageReader, TaskClaimer
from runtime_image.agent.lease.lease_renewal import LeaseRenewal
from runtime_image.agent.lease.task_monitor import LeaseCheck, TaskMonitor
from runtime_image.process.logs import EventLog
from runtime_image.process.retry import Retry
from tests.unit.lambdas.harness import Harness
from tests.unit.runtime_image.agent.fakes import FakePoller

LOG = EventLog(logging.getLogger("simulation"))


class SimulatedAgent(WorkerPools):
    """An agent whose jobs run at once, and whose completions are steps."""

    def __init__(self, name: str, *, harness: Harness, queue: TaskQueue, draw: random.Random) -> None:
        self._draw, self._queue, self._clock = draw, queue, queue.clock
        stopping, repository = threading.Event(), harness.repository
        renewal = LeaseRenewal(repository=repository, queue=queue, clock=queue.clock, log=LOG, post=self._handle)
        claimer = TaskClaimer(
            reader=MessageReader(storage=harness.s3, task_bucket="task-bucket", runtime="sdruntime"),
            repository=repository,
            owner=name,
            queue=queue,
            lease_renewal=renewal,
            clock=queue.clock,
            stopping=stopping,
            event_log=LOG,
        )
        jobs = (claimer, MessageRequeue(queue=queue), LeaseCheck(repository=repository))
        self._jobs: dict[str, Job] = {job.name: job for job in jobs}
        self._renewal = renewal
        self._completion = TaskCompletion(
            repository=repository,
            queue=queue,
            lease_renewal=renewal,
            retry=Retry(clock=queue.clock, log=LOG),
            observers=[],
            clock=queue.clock,
            log=LOG,
        )
        self._claimed = ClaimedTasks(pools=self, withdraw=lambda _: None, log=LOG)
        self._monitor = TaskMonitor(pools=self)
        self._prefetcher = Prefetcher(
            pools=self, poller=FakePoller(), room=lambda *_: 1, claimed=self._claimed, stopping=stopping
        )
        self.messages: list[TaskMessage] = []

    def run_stage(self, name: str, task: ClaimedTask) -> None:
        """Leave the completion to a step."""

    def run_job(self, name: str, *arguments: Any) -> None:
        job = self._jobs[name]
        try:
            event = job.run(*arguments)
        except Exception as error:  # noqa: BLE001 - as a worker pool does
            event = job.failed(error, *arguments)
        self._handle(event)

    def _handle(self, event: on.Event) -> None:
        match event:
            case on.MessageHandled(task):
                self._prefetcher.handled()
                if task is not None:
                    self.messages.append(task.task_message)
                    self._claimed.add(task)
                    self._renewal.start(task)
            case on.TaskRedelivered():
                self._prefetcher.redelivered(event)
            case on.MessageRequeued():
                self._prefetcher.requeued()
            case on.TaskLost(task, reason):
                self._claimed.abort(task, reason)
            case on.LeasesChecked():
                for lost in self._monitor.leases_checked(event):
                    self._handle(lost)

    def receive(self) -> None:
        """Claim the task of a message."""
        self._prefetcher.received(self._queue.receive(1))

    def monitor(self) -> None:
        """Renew leases, notice lost ones and cancels, and abort overdue tasks."""
        for task in self._claimed:
            self._renewal.renew(task)
        for task, reason in self._monitor.overdue(self._claimed, self._clock.monotonic()):
            self._claimed.abort(task, reason)
        self._monitor.send_heartbeats(self._claimed, self._clock.monotonic())

    def generate(self) -> None:
        """End the work on a task."""
        if not (task := self._any_task(is_completing=False)):
            return
        output = f"s3://output-bucket/{'/'.join(task.key)}/{task.attempt}"
        match self._draw.choices(("completed", "broken", "not stored", "stop"), (4, 1, 3, 2))[0]:
            case "completed":
                task.outcome = Outcome(Status.COMPLETED, image_urls=(f"{output}.png",), output_url=output)
                self._claimed.commit(task)
            case "broken":
                self._claimed.end_failed(task, DarkroomError("the engine refuses it"))
            case "not stored":
                self._claimed.end_failed(task, StorageFailed("S3 does not answer"))
            case "stop":
                self._claimed.release_early([task], "the agent stops")

    def complete(self) -> None:
        """Write how a task ends."""
        if task := self._any_task(is_completing=True):
            self._completion.run(task)
            self._claimed.remove(task)

    def _any_task(self, *, is_completing: bool) -> ClaimedTask | None:
        tasks = [task for task in self._claimed if (task.phase is TaskPhase.COMPLETING) is is_completing]
        return self._draw.choice(tasks) if tasks else None
