"""World of a simulation: its clock, the schedule of its actors, and the trace of all that happened.

Each draw comes from one generator of random numbers, all steps run in one thread, and nothing reads the machine's time.
So a seed repeats itself. The random marks of lease owners alone differ between two runs, and they decide nothing.
"""

import logging
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runtime_image.process.clock import Clock
from tests.unit.lambdas.harness import NOW_MS, Harness

#: Name of a task or a batch, wherever a text has one; the tasks of a batch are `batch-1-01` and so on.
NAME = re.compile(r"\b(?:task|batch)-\d+(?:-\d+)?\b")
_MARK_OF_OWNER = re.compile(r"(?<=/)[0-9a-f]{8}\b")
_STANDARD_FIELDS = vars(logging.makeLogRecord({})).keys() | {"message", "asctime"}


class SimulatedClock(Clock):
    """The time of the functions' harness, which the steps move."""

    def __init__(self, harness: Harness) -> None:
        self._harness = harness

    def monotonic(self) -> float:
        return self._harness.now_ms / 1000

    def now_ms(self) -> int:
        return self._harness.now_ms

    def sleep(self, seconds: float) -> None:
        self._harness.now_ms += int(seconds * 1000)


class Trace(logging.Handler):
    """All that happened, in order: calls of AWS, deliveries, faults, and the log lines of functions and agents."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._clock = clock
        #: The actors that are in a step; each one but the last waits in a call.
        self.active: list[str] = []

    def add(self, text: str) -> None:
        seconds = (self._clock.now_ms() - NOW_MS) / 1000
        actor = self.active[-1] if self.active else "world"
        self.lines.append(f"{seconds:9.3f} s  {actor:<12} {_MARK_OF_OWNER.sub('…', text)}")

    def emit(self, record: logging.LogRecord) -> None:
        fields = getattr(record, "event_fields", None) or {
            name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS
        }
        problem = f" {record.exc_info[1]!r}" if record.exc_info else ""
        self.add(f"log: {record.getMessage()} {fields}{problem}")

    def of(self, name: str) -> list[str]:
        """Return the lines that name this task or batch."""
        return [line for line in self.lines if name in NAME.findall(line)]


class Schedule:
    """Lets one actor after the other make a step; while one waits for AWS, others may make theirs."""

    def __init__(self, draw: random.Random, trace: Trace, run: Callable[[Callable[[], None]], None]) -> None:
        self._draw = draw
        self._trace = trace
        self._run = run
        self.steps: list[tuple[str, float, Callable[[], None]]] = []

    def add(self, actor: str, weight: float, step: Callable[[], None]) -> None:
        """Add a step of an actor; it is chosen as often as its weight says."""
        self.steps.append((actor, weight, step))

    def next(self) -> None:
        """Let an actor that is in no step make one."""
        idle = [step for step in self.steps if step[0] not in self._trace.active]
        [(actor, _, step)] = self._draw.choices(idle, [weight for _, weight, _ in idle])
        with self.of(actor):
            self._run(step)

    @contextmanager
    def of(self, actor: str) -> Iterator[None]:
        """Name the actor in the trace."""
        self._trace.active.append(actor)
        try:
            yield
        finally:
            self._trace.active.pop()
