"""Simulation of the whole system: callers, functions and agents, whose steps a seed draws."""

import random
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from contract.batch import Ended
from contract.errors import DarkroomError
from contract.tenancy import Tenancy
from lambdas.fail_dead_letters.dead_letter_processor import DeadLetterProcessor
from lambdas.notify.notifier import Notifier
from lambdas.route_tasks.task_router import TaskRouter
from lambdas.tasks.active_task_limit import ActiveTaskLimit
from lambdas.tasks.publisher import TaskPublisher
from runtime_image.agent.core.task_queue import TaskQueue
from runtime_image.process.aws import AWS_ERRORS
from task_store.active_runs import ActiveRuns
from tests.simulation.agent import SimulatedAgent
from tests.simulation.callers import Callers
from tests.simulation.faults import Faults, Killed
from tests.simulation.functions import Stream, StreamReader, poll
from tests.simulation.messages import (
    BATCHES,
    DEAD_LETTERS,
    INTAKE,
    TASKS,
    VISIBILITY_SECONDS,
    SimulatedBatchQueue,
    SimulatedSqs,
    SimulatedTopic,
)
from tests.simulation.world import Schedule, SimulatedClock, Trace
from tests.unit.lambdas.batches import Batches
from tests.unit.lambdas.harness import Harness

AGENTS = ("agent-1", "agent-2")
ACTIVE_TASKS_PER_KEY = 8
#: Seconds of a round without faults.
QUIET_SECONDS = 15
#: Rounds without faults until all must have ended. Dead letters and the reaper need several waits of two minutes.
MAX_QUIET_ROUNDS = 400


class Simulation:
    """The harness of the functions, with everything around it in simulated time."""

    def __init__(self, harness: Harness, seed: int) -> None:
        self.harness, self.draw = harness, random.Random(seed)  # noqa: S311 - a seed must repeat itself
        clock = SimulatedClock(harness)
        self.trace = Trace(clock)
        self.schedule = Schedule(self.draw, self.trace, self._step)
        self.faults = Faults(draw=self.draw, trace=self.trace, others_step=self.schedule.next)
        self.sqs = SimulatedSqs(clock=clock, draw=self.draw, faults=self.faults)
        self.completion_topic = SimulatedTopic(self.sqs)
        harness.batch_queue = SimulatedBatchQueue(self.sqs)
        harness.publisher = TaskPublisher(
            topic=SimulatedTopic(self.sqs, TASKS), bucket=harness.task_bucket, repository=harness.repository
        )
        self.active_runs = ActiveRuns(client=harness.dynamodb, table_name="tasks")
        limit = ActiveTaskLimit(
            runs=self.active_runs,
            repository=harness.repository,
            limit=ACTIVE_TASKS_PER_KEY,
            clock=clock.monotonic,
        )
        harness.submission = harness.submission_of(harness.catalogue, limit)
        self.callers = Callers(harness=harness, sqs=self.sqs, draw=self.draw)
        client: Any = self.sqs
        self.queue = TaskQueue(
            client=client, queue_url=TASKS, visibility_timeout_seconds=VISIBILITY_SECONDS, clock=clock
        )
        self._agent_numbers = count(1)
        self.agents: dict[str, SimulatedAgent] = {name: self._new_agent() for name in AGENTS}
        self.former_agents: list[SimulatedAgent] = []
        self.stream = Stream(harness)
        notifier = Notifier(
            completion_topic=self.completion_topic,
            settle_task=harness.batches.settle_task,
            release_run=self.active_runs.release_run,
        )
        self.readers = [
            StreamReader(stream=self.stream, settle=settle, draw=self.draw)
            for settle in (notifier.notify, self._queue_webhook)
        ]
        self._add_steps()

    def _add_steps(self) -> None:
        harness, callers, sqs = self.harness, self.callers, self.sqs
        router = TaskRouter(
            task_bucket=harness.task_bucket,
            submission=harness.submission,
            completion_topic=self.completion_topic,
            tenancy=Tenancy(),
        )
        dead_letters = DeadLetterProcessor(
            repository=harness.repository,
            task_bucket=harness.task_bucket,
            completion_topic=self.completion_topic,
            tenancy=Tenancy(),
        )
        add = self.schedule.add
        calls = (callers.submit, callers.publish, callers.cancel, callers.retry, callers.send_batch)
        for call, weight in zip((*calls, callers.cancel_batch), (6, 3, 2, 2, 1, 0.4), strict=True):
            add(f"caller {call.__name__}", weight, call)
        add("router", 4, lambda: poll(sqs, INTAKE, router.route))
        add("batches", 4, lambda: poll(sqs, BATCHES, lambda sent: self._advance(sent.body)))
        add("dead letters", 2, lambda: poll(sqs, DEAD_LETTERS, dead_letters.process))
        add("notify", 3, self.readers[0].read)
        add("webhooks", 1, self.readers[1].read)
        add("reaper", 1, lambda: harness.reaper().run())
        for name in AGENTS:
            for step, weight in (("receive", 5), ("monitor", 2), ("generate", 3), ("complete", 4)):
                add(name, weight, partial(self._step_of_agent, name, step))
        add("time", 5, lambda: self._pass(self.draw.choice((0.01, 1, 5, 20, 60))))

    def run(self, steps: int) -> None:
        """Make steps under faults, and then as many without faults as it takes until all has ended."""
        with self.faults.around_calls_of(self.harness.dynamodb, self.harness.s3):
            self.faults.error_rate = self.draw.choice((0.0, 0.02, 0.08))
            self.faults.kill_rate = self.draw.choice((0.0, 0.01, 0.03))
            self.faults.overlap_rate = self.draw.choice((0.0, 0.05))
            for _ in range(steps):
                self.schedule.next()
            self.faults.error_rate = self.faults.kill_rate = self.faults.overlap_rate = 0.0
            for number in range(MAX_QUIET_ROUNDS):
                for actor, _, step in self.schedule.steps:
                    # Each run of the reaper asks for all shards of its index, so it runs once a minute, as in AWS.
                    if not actor.startswith(("caller", "time", "reaper" if number % 4 else "-")):
                        with self.schedule.of(actor):
                            self._step(step)
                self._pass(QUIET_SECONDS)
                if self.is_at_end:
                    return

    @property
    def is_at_end(self) -> bool:
        """All tasks and batches have ended, no message waits, and all changes are settled."""
        is_settled = all(reader.is_at_end for reader in self.readers)
        has_ended = all(version.is_final for version in self.stream.latest.values())
        return is_settled and has_ended and not any(self.sqs.queues.values())

    def _step(self, step: Callable[[], None]) -> None:
        """Make a step. Callers receive errors as answers, and Lambda calls functions again; agents cope with them."""
        actor = self.trace.active[-1]
        try:
            step()
        except Killed:
            if actor in self.agents:
                self.former_agents.append(self.agents[actor])
                self.agents[actor] = self._new_agent()
        except (DarkroomError, *AWS_ERRORS) as error:
            if actor in self.agents:
                raise
            self.trace.add(f"failed: {error!r}")

    def _step_of_agent(self, actor: str, step: str) -> None:
        # A killed agent has a successor.
        getattr(self.agents[actor], step)()

    def _new_agent(self) -> SimulatedAgent:
        name = f"replica-{next(self._agent_numbers)}"
        return SimulatedAgent(name, harness=self.harness, queue=self.queue, draw=self.draw)

    def _advance(self, key: str) -> None:
        """Advance a batch in a function whose time may end soon."""
        checks = iter([True] * self.draw.choice((1, 2, 100)))
        Batches(self.harness).worker.advance(key, has_time=lambda: next(checks, False))

    def _queue_webhook(self, ended: Ended) -> None:
        with self.faults.around(f"queue the webhook of {ended.id}"):
            self.harness.webhooks.send(ended)

    def _pass(self, seconds: float) -> None:
        self.queue.clock.sleep(seconds)
