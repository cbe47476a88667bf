"""Stages and jobs that call the engine: set-up, generation, interrupt, and the wait for its readiness."""

import threading
from typing import Final

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.engine import Engine
from runtime_image.agent.core.errors import AgentFailed
from runtime_image.agent.core.events import EngineNotReady, EngineReady, Event, InterruptSent
from runtime_image.agent.core.worker_pools import MAX_OUTSTANDING
from runtime_image.process.clock import Clock
from runtime_image.process.engine import EngineFailed
from runtime_image.process.logs import EventLog
from runtime_image.process.retry import Retry

#: Seconds past the task's time limit for which its answer is still awaited: the loop interrupts at the limit, and an
#: interrupted call answers after its running step.
ANSWER_GRACE_SECONDS: Final = 60.0
#: Seconds between two checks for readiness: short at first, because an engine that is up must not wait for the agent.
FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 1.0
#: Seconds after which an engine that is not ready is given up, and the container with it. The largest checkpoints
#: need minutes from a cold disk; a GPU that is idle for half an hour costs more than a new one.
READY_DEADLINE_SECONDS: Final = 1800.0
#: Seconds between two interrupts that the engine does not accept, for example while it starts again.
INTERRUPT_PAUSE_SECONDS: Final = 0.25


class EngineSetUp:
    """Prepares the engine for a task while no call runs: another checkpoint, or changed settings."""

    name = "set_up"
    workers = 1

    def __init__(self, *, clock: Clock, log: EventLog) -> None:
        self._clock = clock
        self._log = log

    def run(self, task: ClaimedTask) -> None:
        """Set the engine up for the task's call."""
        if task.call is None:
            raise AgentFailed("the task has no call")
        started_at = self._clock.monotonic()
        done = task.call.set_up()
        seconds = round(self._clock.monotonic() - started_at, 3)
        self._log.info("engine_set_up", task_id=task.metadata.id, seconds=seconds, **done)


class Generation:
    """The stage in which the engine carries a task out."""

    name = "generate"
    workers = MAX_OUTSTANDING

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def run(self, task: ClaimedTask) -> None:
        """Send the task's call and wait for its answer."""
        if task.call is None:
            raise AgentFailed("the task has no call")
        timeout_seconds = max(task.deadline - self._clock.monotonic(), 0.0) + ANSWER_GRACE_SECONDS
        task.answer = task.call.run(timeout_seconds=timeout_seconds)


class Interrupt:
    """Job that interrupts a task's call; a separate thread, because it must wait for the engine only."""

    name = "interrupt"
    workers = 1

    def __init__(self, *, clock: Clock, log: EventLog) -> None:
        self._clock = clock
        self._log = log

    def run(self, task: ClaimedTask) -> Event:
        """Interrupt the task's call. After a failure, pause, because the loop orders the next attempt at once."""
        try:
            if task.call is not None:
                task.call.interrupt()
        except EngineFailed as error:
            self._log.warning("interrupt_failed", task_id=task.metadata.id, reason=error.message)
            self._clock.sleep(INTERRUPT_PAUSE_SECONDS)
            return InterruptSent(task, is_accepted=False)
        return InterruptSent(task)

    def failed(self, error: Exception, task: ClaimedTask) -> Event:  # noqa: ARG002 - counts as not accepted
        """Return an interrupt without a confirmation."""
        return InterruptSent(task, is_accepted=False)


class Readiness:
    """Job that waits for the engine. Until then the agent receives no task and sends no call."""

    name = "await_engine"
    workers = 1

    def __init__(self, *, engine: Engine, retry: Retry, clock: Clock, stopping: threading.Event, log: EventLog) -> None:
        self._engine = engine
        self._retry = retry
        self._clock = clock
        self._stopping = stopping
        self._log = log

    def run(self) -> Event:
        """Return once the engine answers and is idle, or once the deadline has passed.

        After a broken connection the old call may still be running. To send it, or another, before its end would put
        two into the engine's queue for one.
        """
        deadline = self._clock.monotonic() + READY_DEADLINE_SECONDS
        try:
            self._retry.call(
                self._engine.check_ready,
                until=lambda: self._stopping.is_set() or self._clock.monotonic() > deadline,
                errors=(EngineFailed,),
                event="engine_not_ready",
                first_pause_seconds=FIRST_PAUSE_SECONDS,
                longest_pause_seconds=LONGEST_PAUSE_SECONDS,
            )
        except EngineFailed:
            return EngineNotReady()
        return EngineReady()

    def failed(self, error: Exception) -> Event:
        """Give the engine up."""
        self._log.error("engine_not_ready", error)
        return EngineNotReady()
