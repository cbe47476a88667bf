"""The simulated fleet: a queue, a scaler that polls it, and replicas that come, work, and go."""

import random
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Final

import simpy

from cli.cost.machines import LINGER_SECONDS
from cli.cost.scaler import DECISION_SECONDS, Scaler
from cli.cost.scenario import Scenario

#: Seconds between a spot machine's notice and its end.
NOTICE_SECONDS: Final = 120.0
#: Part of the interruptions that come without notice: the task reappears after its visibility timeout.
WITHOUT_NOTICE: Final = 0.05
VISIBILITY_TIMEOUT_SECONDS: Final = 60.0
#: Seconds between two records of the fleet's state, for the plot.
NOTE_SECONDS: Final = 15.0

Process = Generator[simpy.Event, Any, None]


@dataclass(eq=False)
class SimulatedTask:
    """One task and its outcome."""

    arrived_at: float
    seconds: float
    #: When the GPU began with the attempt that ended it: earlier ones gave the caller nothing.
    begun_at: float | None = None
    ended_at: float | None = None
    #: How often the GPU began with it.
    attempts: int = 0


@dataclass(eq=False)
class SimulatedReplica:
    """One machine with one GPU."""

    requested_at: float
    process: simpy.Process | None = None
    is_ready: bool = False
    #: What it works on, and when it began.
    task: SimulatedTask | None = None
    is_leaving: bool = False
    #: Wakes it while it waits for a task.
    wake: simpy.Event | None = None
    busy_seconds: float = 0.0
    ended_at: float | None = None


@dataclass
class State:
    """The fleet at one moment."""

    at: float
    waiting: int
    replicas: int
    ready: int
    busy: int


@dataclass
class SimulatedFleet:
    """One run of one scenario under the scaling of a runtime."""

    scenario: Scenario
    scaler: Scaler
    chance: random.Random
    simulation: simpy.Environment = field(default_factory=simpy.Environment)
    tasks: list[SimulatedTask] = field(default_factory=list)
    replicas: list[SimulatedReplica] = field(default_factory=list)
    gone: list[SimulatedReplica] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    interruptions: int = 0
    _queue: deque[SimulatedTask] = field(default_factory=deque)
    _idle: deque[SimulatedReplica] = field(default_factory=deque)
    _arriving: bool = True
    _unfinished: int = 0

    def run(self) -> None:
        """Simulate until everything is done and the fleet is back at its minimum."""
        self.simulation.process(self._arrive())
        self.simulation.process(self._scale())
        self.simulation.process(self._record())
        end = self.scenario.hours * 3600
        self.simulation.run(until=end)
        # What is left over is worked off, and paid for.
        while self._arriving or self._unfinished or len(self.replicas) > self.scaler.scaling.min_replicas:
            end += NOTE_SECONDS
            self.simulation.run(until=end)

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return float(self.simulation.now)

    def _arrive(self) -> Process:
        for at in self.scenario.arrivals(self.chance):
            if at > self.now:
                yield self.simulation.timeout(at - self.now)
            task = SimulatedTask(arrived_at=self.now, seconds=self.scenario.draw_task_seconds(self.chance))
            self.tasks.append(task)
            self._unfinished += 1
            self._put(task)
        self._arriving = False

    def _put(self, task: SimulatedTask) -> None:
        self._queue.append(task)
        while self._idle and self._queue:
            replica = self._idle.popleft()
            if replica.wake and not replica.wake.triggered:
                replica.wake.succeed()
                return

    def _scale(self) -> Process:
        while True:
            in_flight = sum(replica.task is not None for replica in self.replicas)
            wanted = self.scaler.decide(self.now, waiting=len(self._queue), in_flight=in_flight)
            staying = [replica for replica in self.replicas if not replica.is_leaving]
            for _ in range(wanted - len(staying)):
                self._start_replica()
            # Idle ones go first, and of those the ones that are not ready yet, as a ReplicaSet chooses.
            surplus = sorted(staying, key=lambda replica: (replica.task is not None, replica.is_ready))
            for replica in surplus[: max(len(staying) - wanted, 0)]:
                self._dismiss(replica)
            # From zero, KEDA looks by itself; above one, at the autoscaler's pace.
            yield self.simulation.timeout(self.scaler.scaling.polling_seconds if wanted == 0 else DECISION_SECONDS)

    def _start_replica(self) -> None:
        replica = SimulatedReplica(requested_at=self.now)
        self.replicas.append(replica)
        replica.process = self.simulation.process(self._live(replica))

    def _dismiss(self, replica: SimulatedReplica) -> None:
        replica.is_leaving = True
        if not replica.is_ready and replica.process:
            replica.process.interrupt("dismissed")
        elif replica.wake and not replica.wake.triggered:
            replica.wake.succeed()

    def _live(self, replica: SimulatedReplica) -> Process:
        is_spot = self.chance.random() < self.scenario.machines.spot_share
        rate = self.scenario.machines.interruptions_per_hour / 3600
        if is_spot and rate:
            self.simulation.process(self._interrupt(replica, self.chance.expovariate(rate)))
        try:
            yield self.simulation.timeout(self.scenario.machines.ready_seconds(self.chance))
            replica.is_ready = True
            while not replica.is_leaving:
                yield from self._work(replica)
            yield self.simulation.timeout(LINGER_SECONDS)
        except simpy.Interrupt:
            if replica.task:
                self._lose(replica, replica.task)
        replica.ended_at = self.now
        self.replicas.remove(replica)
        self.gone.append(replica)

    def _work(self, replica: SimulatedReplica) -> Process:
        if not self._queue:
            replica.wake = self.simulation.event()
            self._idle.append(replica)
            yield replica.wake
            return
        task = self._queue.popleft()
        replica.task = task
        task.attempts += 1
        task.begun_at = self.now
        yield self.simulation.timeout(task.seconds)
        replica.busy_seconds += task.seconds
        replica.task = None
        task.ended_at = self.now
        self._unfinished -= 1

    def _interrupt(self, replica: SimulatedReplica, after_seconds: float) -> Process:
        yield self.simulation.timeout(after_seconds)
        if replica.ended_at is not None or not replica.process:
            return
        self.interruptions += 1
        if self.chance.random() >= WITHOUT_NOTICE:
            self._dismiss(replica)
            yield self.simulation.timeout(NOTICE_SECONDS)
        if replica.ended_at is None:
            replica.process.interrupt("taken away")

    def _lose(self, replica: SimulatedReplica, task: SimulatedTask) -> None:
        replica.task = None

        def reappear() -> Process:
            yield self.simulation.timeout(VISIBILITY_TIMEOUT_SECONDS)
            self._put(task)

        self.simulation.process(reappear())

    def _record(self) -> Process:
        while True:
            ready = sum(replica.is_ready for replica in self.replicas)
            busy = sum(replica.task is not None for replica in self.replicas)
            self.states.append(State(self.now, len(self._queue), len(self.replicas), ready, busy))
            yield self.simulation.timeout(NOTE_SECONDS)
