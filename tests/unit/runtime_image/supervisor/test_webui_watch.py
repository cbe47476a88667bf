"""Watch of a Web UI, with an engine and a clock that obey the test."""

import itertools
import logging
import threading

import pytest

from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from runtime_image.process.status_file import AgentStatus
from runtime_image.supervisor import events as on
from runtime_image.supervisor.container_status import ContainerStatus
from runtime_image.supervisor.webui_watch import PROBE_SECONDS, WebUiWatch
from tests.harness.still_clock import StillClock
from tests.unit.runtime_image.supervisor.fakes import FakeEngine, FakeProcess

LIMIT_SECONDS = 60.0
LIFETIME_SECONDS = 1000.0


class EndingClock(StillClock):
    """Ends a process after so many seconds."""

    def __init__(self, process: FakeProcess) -> None:
        super().__init__()
        self.ends_at = self.seconds + LIFETIME_SECONDS
        self._process = process

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._process.running = self.seconds < self.ends_at


def watch_of(engine: FakeEngine, *, clock: Clock | None = None, status: ContainerStatus | None = None) -> WebUiWatch:
    on_disk = threading.Event()
    on_disk.set()
    return WebUiWatch(
        engine=engine,
        models_on_disk=on_disk,
        status=status or ContainerStatus(ticked_at=0),
        limit_seconds=LIMIT_SECONDS,
        clock=clock or StillClock(),
        event_log=EventLog(logging.getLogger("test")),
    )


def probe(engine: FakeEngine, *, held: int | None) -> tuple[on.WebUiEvent | None, float]:
    """Probe until the Web UI must be replaced or has ended. Return the event, and the seconds until then."""
    process, status = FakeProcess("webui"), ContainerStatus(ticked_at=0)
    status.agent_status = None if held is None else AgentStatus(held=held)
    clock = EndingClock(process)
    started_at = clock.seconds
    event = watch_of(engine, clock=clock, status=status).probe(process)
    return event, clock.seconds - started_at


@pytest.mark.parametrize("held", [0, None])
def test_an_idle_web_ui_that_does_not_answer_is_unresponsive(held: int | None) -> None:
    event, seconds = probe(FakeEngine(lambda: False), held=held)
    assert isinstance(event, on.WebUiUnsound)
    assert event.reason == "unhealthy"
    assert LIMIT_SECONDS <= seconds <= 2 * LIMIT_SECONDS


def test_one_that_answers_or_works_is_not_unresponsive() -> None:
    answering, working = FakeEngine(), FakeEngine(lambda: False)
    assert not probe(answering, held=0)[0]
    assert not probe(working, held=1)[0]
    assert answering.calls
    assert not working.calls


@pytest.mark.parametrize("held", [0, 1])
def test_an_engine_whose_files_exceed_their_limit_is_replaced_also_while_it_works(held: int) -> None:
    engine = FakeEngine()
    engine.is_full = True
    event, seconds = probe(engine, held=held)
    assert isinstance(event, on.WebUiUnsound)
    assert event.reason == "disk_limit"
    assert seconds == PROBE_SECONDS


def test_a_web_ui_that_ended_between_two_probes_is_not_asked() -> None:
    engine, process = FakeEngine(), FakeProcess("webui")
    clock = EndingClock(process)
    clock.ends_at = clock.seconds
    assert watch_of(engine, clock=clock).probe(process) is None
    assert engine.calls == []


def test_answers_between_begin_the_limit_anew() -> None:
    answers = itertools.cycle([False, False, True])
    assert not probe(FakeEngine(lambda: next(answers)), held=0)[0]


def test_a_web_ui_that_was_ready_is_watched_until_it_does_not_answer() -> None:
    process, answers = FakeProcess("webui"), itertools.chain([True, True], itertools.repeat(False))
    events = watch_of(FakeEngine(lambda: next(answers)), clock=EndingClock(process)).run(process)
    assert list(events) == [on.WebUiPrepared(process), on.WebUiUnsound(process, "unhealthy")]


def test_a_web_ui_that_cannot_be_prepared_is_not_watched() -> None:
    process = FakeProcess("webui")
    events = watch_of(FakeEngine(unknown="b.safetensors"), clock=EndingClock(process)).run(process)
    assert list(events) == [on.CheckpointMissing(process, "no b.safetensors")]


def start_up(engine: FakeEngine, *, clock: Clock | None = None, process: FakeProcess | None = None) -> on.Event:
    return watch_of(engine, clock=clock).prepare(process or FakeProcess("webui"))


def test_a_web_ui_is_polled_until_it_answers() -> None:
    clock, answers = StillClock(), iter([False, False, True])
    started_at = clock.seconds

    event = start_up(FakeEngine(lambda: next(answers)), clock=clock)

    assert isinstance(event, on.WebUiPrepared)
    assert clock.seconds > started_at


class LateStart(threading.Event):
    """Start that ends with the third wait for it; it records what the engine was asked for before."""

    def __init__(self, engine: FakeEngine) -> None:
        super().__init__()
        self.waits = 0
        self.calls_before: list[str] = []
        self._engine = engine

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        if self.waits == 3:
            self.calls_before = list(self._engine.calls)
            self.set()
        return super().wait(timeout)


def test_nothing_is_sent_before_the_output_says_that_the_start_has_ended() -> None:
    engine, process = FakeEngine(), FakeProcess("webui")
    process.started = started = LateStart(engine)

    assert isinstance(start_up(engine, process=process), on.WebUiPrepared)

    assert started.is_set()
    assert started.calls_before == []
    assert engine.calls == ["check_ready", "prepare"]


def test_the_wait_for_a_start_ends_with_its_process() -> None:
    engine, process = FakeEngine(), FakeProcess("webui")
    process.started.clear()
    process.running = False

    start_up(engine, process=process)

    assert "check_ready" not in engine.calls
