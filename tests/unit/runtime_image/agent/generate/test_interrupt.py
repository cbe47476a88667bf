from runtime_image.agent.core.events import InterruptSent
from runtime_image.agent.generate.generation import INTERRUPT_PAUSE_SECONDS, Interrupt
from runtime_image.process.engine import EngineFailed
from runtime_image.process.logs import configure_logs
from tests.harness.still_clock import StillClock
from tests.unit.runtime_image.agent.fakes import FakeCall, FakeEngine
from tests.unit.runtime_image.agent.tasks import GENERATION, held_task


class DeafCall(FakeCall):
    def interrupt(self) -> None:
        raise EngineFailed("no connection")


def test_an_interrupt_that_fails_is_not_repeated_at_once() -> None:
    clock, task = StillClock(), held_task("a")
    interrupt = Interrupt(clock=clock, log=configure_logs("CRITICAL"))
    before = clock.monotonic()
    hearing = task.call
    task.call = DeafCall(GENERATION, FakeEngine())
    assert interrupt.run(task) == InterruptSent(task, is_accepted=False)
    assert clock.monotonic() == before + INTERRUPT_PAUSE_SECONDS
    task.call = hearing
    assert interrupt.run(task) == InterruptSent(task)
    assert clock.monotonic() == before + INTERRUPT_PAUSE_SECONDS
