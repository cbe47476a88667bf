"""Answers that may be those of cut generations: a model of the engine, driven through random interleavings."""

from collections.abc import Callable
from random import Random

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.worker_pools import MAX_OUTSTANDING
from runtime_image.agent.generate.outstanding_requests import REPEAT_SECONDS, OutstandingRequests
from runtime_image.process.engine import Progress
from runtime_image.webui.request import WebUiRequest
from tests.unit.runtime_image.agent.fakes import FakeCall
from tests.unit.runtime_image.agent.tasks import GENERATION, UPSCALING, held_task

#: How often what happens seldom is one of the things that can happen.
SOMETIMES, RARELY = 0.3, 0.1


class ModelWebUi:
    """The Web UI's lock, its interrupt flag, and the answers that are on their way."""

    def __init__(self) -> None:
        self.travelling: list[ClaimedTask] = []
        self.queue: list[ClaimedTask] = []
        self.running: ClaimedTask | None = None
        self.answers: list[ClaimedTask] = []
        self.cut: set[ClaimedTask] = set()
        self.flag = False

    def arrive(self, index: int) -> None:
        if self.travelling:
            self.queue.append(self.travelling.pop(index if len(self.travelling) > index else 0))
            self.begin()

    def begin(self) -> None:
        if self.running is None and self.queue:
            self.running, self.flag = self.queue.pop(0), False

    def end(self) -> None:
        if self.running is not None:
            self.answers.append(self.running)
            self.running = None
            self.begin()

    def interrupt(self) -> None:
        self.flag = True
        if self.running is not None:
            self.cut.add(self.running)

    def progress(self, now: float) -> Progress:
        return Progress(asked_at=now, fraction=0.5, interrupted=self.flag, busy=self.running is not None)


class Walk:
    """Sends, cuts, answers and looks in a random order; requests and answers may overtake each other on their way."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.outstanding, self.webui, self.now = OutstandingRequests(), ModelWebUi(), 0.0
        self.interrupt_on_its_way = False
        #: Interrupts that the agent had no answer to, and that the Web UI has yet to take.
        self.late_interrupts = 0
        #: Requests whose connection broke.
        self.disconnected: set[ClaimedTask] = set()
        self.repeated = self.whole = 0

    def step(self) -> None:
        """Do one of the things that can happen now."""
        doomed = self.outstanding.to_interrupt()
        may_be_given_up = self.outstanding.tasks and not doomed and self.random.random() < SOMETIMES
        possible: list[tuple[object, Callable[[], None]]] = [
            (True, lambda: None),
            (self.outstanding.is_settled and len(self.outstanding.tasks) < MAX_OUTSTANDING, self.send),
            (self.webui.travelling, lambda: self.webui.arrive(self.random.randrange(2))),
            (self.webui.running, self.webui.end),
            (self.webui.answers, self.answer),
            (may_be_given_up, self.abort),
            (may_be_given_up, self.ask_for_what_there_is),
            (doomed, self.interrupt),
            (self.interrupt_on_its_way, self.interrupt_arrives),
            (self.outstanding.is_interrupting and not self.interrupt_on_its_way, self.interrupt_is_answered),
            (self.interrupt_on_its_way, self.interrupt_is_lost),
            (self.late_interrupts and self.random.random() < SOMETIMES, self.late_interrupt_arrives),
            (self.outstanding.tasks, self.read_progress),
            (self.outstanding.tasks and self.random.random() < RARELY, self.cut_a_connection),
            (self.is_idle(), self.outstanding.idle),
        ]
        self.now += self.random.choice([0.01, 0.01, 0.01, REPEAT_SECONDS + 1])
        self.random.choice([action for enabled, action in possible if enabled])()
        self.check()

    def check(self) -> None:
        """Assert that a call without a connection is interrupted, or still known to be at the engine."""
        left = self.disconnected & {*self.webui.travelling, *self.webui.queue, self.webui.running}
        assert not left or not self.outstanding.is_settled

    def send(self) -> None:
        task = held_task(request=self.random.choice([GENERATION, GENERATION, UPSCALING]))
        self.outstanding.add(task)
        self.webui.travelling.append(task)

    def answer(self) -> None:
        task = self.webui.answers.pop(self.random.choice([0, -1]))
        if task in self.disconnected:
            return
        may_be_cut = self.outstanding.remove(task, self.now)
        assert task.must_be_cut or may_be_cut or task not in self.webui.cut
        self.repeated += may_be_cut
        self.whole += not may_be_cut and not task.must_be_cut

    def abort(self) -> None:
        self.random.choice(self.outstanding.tasks).aborted.set()

    def ask_for_what_there_is(self) -> None:
        self.random.choice(self.outstanding.tasks).is_interrupted = True

    def interrupt(self) -> None:
        task = self.outstanding.to_interrupt()
        assert task is not None
        self.outstanding.interrupting(task)
        self.interrupt_on_its_way = True

    def interrupt_arrives(self) -> None:
        self.webui.interrupt()
        self.interrupt_on_its_way = False

    def interrupt_is_answered(self) -> None:
        self.outstanding.interrupt_sent(self.now)

    def interrupt_is_lost(self) -> None:
        self.outstanding.interrupt_sent(self.now, is_accepted=False)
        self.interrupt_on_its_way, self.late_interrupts = False, self.late_interrupts + 1

    def late_interrupt_arrives(self) -> None:
        self.webui.interrupt()
        self.late_interrupts -= 1

    def cut_a_connection(self) -> None:
        task = self.random.choice(self.outstanding.tasks)
        self.outstanding.disconnected(task)
        self.disconnected.add(task)
        # It goes back to its queue.
        task.aborted.set()

    def is_idle(self) -> bool:
        """Return True if the Web UI is idle: it has finished every call that reached it."""
        return not (self.webui.travelling or self.webui.queue or self.webui.running or self.late_interrupts)

    def read_progress(self) -> None:
        # The question may be older than the interrupt's answer, and its answer newer than both.
        asked_at = self.now - self.random.choice([0.0, 0.02])
        self.outstanding.received(self.webui.progress(asked_at), self.now)


def test_a_cut_generation_is_never_taken_for_a_whole_one() -> None:
    repeated = whole = 0
    for seed in range(400):
        walk = Walk(Random(seed))  # noqa: S311 - a reproducible walk, no secret
        for _ in range(150):
            walk.step()
        repeated, whole = repeated + walk.repeated, whole + walk.whole

    # The walks do meet both cases.
    assert repeated > 0
    assert whole > 0


def test_only_the_oldest_generation_is_interrupted() -> None:
    outstanding, first, second = OutstandingRequests(), held_task("a"), held_task("b")
    outstanding.add(first)
    outstanding.add(second)
    second.aborted.set()

    assert outstanding.to_interrupt() is None
    outstanding.remove(first, 1.0)
    assert outstanding.to_interrupt() is second


def test_a_task_whose_caller_wants_what_there_is_is_cut_and_its_answer_counts() -> None:
    outstanding, task = OutstandingRequests(), held_task()
    outstanding.add(task)
    task.is_interrupted = True

    assert outstanding.to_interrupt() is task
    outstanding.interrupting(task)
    outstanding.interrupt_sent(10.0)
    assert outstanding.to_interrupt() is None, "one interrupt is enough"
    assert not outstanding.remove(task, 11.0)


def test_what_takes_no_lock_is_never_interrupted() -> None:
    outstanding = OutstandingRequests()
    reading = held_task(request=WebUiRequest("POST", "/sdapi/v1/png-info", b"{}"))
    outstanding.add(reading)
    reading.aborted.set()

    assert outstanding.to_interrupt() is None


def test_upscaling_that_runs_clears_nobody_else() -> None:
    outstanding, doomed, cut, upscaling = (
        OutstandingRequests(),
        held_task("a"),
        held_task("b"),
        held_task("c", request=UPSCALING),
    )
    for task in (doomed, cut, upscaling):
        outstanding.add(task)
    doomed.aborted.set()
    outstanding.interrupting(doomed)
    outstanding.interrupt_sent(10.0)
    outstanding.remove(doomed, 10.01)

    # The cut one has left the lock and is being encoded.
    outstanding.received(Progress(asked_at=10.05, fraction=0.1, interrupted=False, busy=True), 10.05)

    assert outstanding.remove(cut, 10.1)
    assert outstanding.remove(upscaling, 11.0)


def test_an_interrupt_that_came_too_early_is_sent_again() -> None:
    outstanding, task = OutstandingRequests(), held_task()
    outstanding.add(task)
    task.aborted.set()
    outstanding.interrupting(task)
    outstanding.interrupt_sent(10.0)
    running = Progress(asked_at=10.0 + REPEAT_SECONDS + 0.1, fraction=0.5, interrupted=False, busy=True)

    assert outstanding.to_interrupt() is None
    outstanding.received(running, running.asked_at)
    assert outstanding.to_interrupt() is task


def test_an_interrupt_without_an_answer_clears_nobody_until_the_web_ui_is_idle() -> None:
    outstanding, doomed, following = OutstandingRequests(), held_task("a"), held_task("b")
    outstanding.add(doomed)
    outstanding.add(following)
    doomed.aborted.set()
    outstanding.interrupting(doomed)
    outstanding.interrupt_sent(10.0, is_accepted=False)
    outstanding.remove(doomed, 10.05)
    outstanding.received(Progress(asked_at=10.1, fraction=0.0, interrupted=False, busy=True), 10.1)

    assert outstanding.remove(following, 11.0)
    assert not outstanding.is_settled
    outstanding.idle()
    assert outstanding.is_settled


def test_the_failed_preparation_of_another_task_ends_no_set_up() -> None:
    outstanding, task = OutstandingRequests(), held_task("a")
    outstanding.switching = task
    outstanding.set_up(held_task("b"))
    assert outstanding.switching is task
    outstanding.set_up(task)
    assert outstanding.switching is None


def test_what_has_lost_its_connection_is_interrupted_in_its_turn() -> None:
    outstanding, running, orphan = OutstandingRequests(), held_task("a"), held_task("b")
    outstanding.add(running)
    outstanding.add(orphan)
    outstanding.disconnected(orphan)
    orphan.aborted.set()

    assert outstanding.tasks == [running]
    assert outstanding.to_interrupt() is None
    outstanding.remove(running, 10.0)
    assert outstanding.to_interrupt() is orphan
    outstanding.idle()
    assert outstanding.to_interrupt() is None


def test_the_next_is_cleared_once_it_is_seen_running() -> None:
    outstanding, doomed, following = OutstandingRequests(), held_task("a"), held_task("b")
    outstanding.add(doomed)
    outstanding.add(following)
    doomed.aborted.set()
    outstanding.interrupting(doomed)
    outstanding.interrupt_sent(10.0)
    outstanding.remove(doomed, 10.05)
    assert not outstanding.is_settled

    outstanding.received(Progress(asked_at=10.1, fraction=0.0, interrupted=False, busy=True), 10.1)

    assert outstanding.is_settled
    assert not outstanding.remove(following, 11.0)


def identified(name: str) -> ClaimedTask:
    task = held_task(name)
    assert isinstance(task.call, FakeCall)
    task.call.is_identified = True
    return task


def test_an_interrupt_of_an_identified_call_cuts_no_other_one() -> None:
    outstanding, first, second = OutstandingRequests(), identified("first"), identified("second")
    for task in (first, second):
        outstanding.add(task)
    second.aborted.set()
    assert outstanding.to_interrupt() is second

    outstanding.interrupting(second)
    assert outstanding.to_interrupt() is None
    outstanding.interrupt_sent(1.0)
    assert outstanding.is_settled
    assert outstanding.to_interrupt() is None
    first.aborted.set()
    assert outstanding.to_interrupt() is first
    assert not outstanding.remove(first, 2.0)


def test_an_interrupt_of_an_identified_call_is_repeated_until_it_is_confirmed() -> None:
    outstanding, task = OutstandingRequests(), identified("lost")
    outstanding.add(task)
    task.aborted.set()
    outstanding.interrupting(task)
    outstanding.interrupt_sent(1.0, is_accepted=False)
    assert outstanding.is_settled
    assert outstanding.to_interrupt() is task
