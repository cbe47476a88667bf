"""Attribution of progress and previews: the engine shows one run without a name."""

import pytest

from runtime_image.agent.core import events as on
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.generate.outstanding_requests import OutstandingRequests
from runtime_image.agent.generate.progress_attribution import ProgressAttribution
from runtime_image.agent.generate.progress_monitor import CLOSE_POLL_SECONDS
from runtime_image.process.engine import Progress
from tests.unit.runtime_image.agent.agent_loop import Agent
from tests.unit.runtime_image.agent.fakes import FakeCall, FakeProgressPoller
from tests.unit.runtime_image.agent.tasks import GENERATION, held_task


def shown(asked_at: float, run: str, step: int = 1, picture: str | None = None) -> Progress:
    return Progress(asked_at, step / 20, interrupted=False, busy=True, began_at=run, reached=(0, step), picture=picture)


class Bench:
    """Requests that are at the Web UI's lock."""

    def __init__(self) -> None:
        self.outstanding = OutstandingRequests()
        self.attribution = ProgressAttribution(outstanding=self.outstanding)

    def send(self, name: str, at: float = 0.0) -> ClaimedTask:
        task = held_task(name)
        self.send_again(task, at)
        return task

    def send_again(self, task: ClaimedTask, at: float) -> None:
        task.sent_at = at
        self.outstanding.add(task)

    def answer(self, task: ClaimedTask, at: float) -> None:
        self.outstanding.remove(task, at)
        self.attribution.answered(task)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_new_run_is_the_next_ones_although_the_first_is_not_answered(bench: Bench) -> None:
    first, second, third = bench.send("a"), bench.send("b"), bench.send("c")

    runs = [("10:01", 18), ("10:03", 2), ("10:03", 3), ("10:03", 1), ("10:03", 2)]
    seen = [bench.attribution.task_of(shown(number, run, step)) for number, (run, step) in enumerate(runs)]

    # The last one began within the same second.
    assert seen == [first, second, second, third, third]


def test_an_answer_that_was_asked_for_before_the_last_request_ended_tells_nothing(bench: Bench) -> None:
    first, second = bench.send("a"), bench.send("b")
    bench.answer(first, 10.0)

    assert bench.attribution.task_of(shown(9.9, "10:01", 19)) is None
    assert bench.attribution.task_of(shown(10.1, "10:01", 1)) is second


def test_only_a_run_that_was_seen_alone_is_sure(bench: Bench) -> None:
    first = bench.send("a")
    assert not bench.attribution.is_sure_of(first)
    bench.attribution.task_of(shown(1.0, "10:01"))
    assert bench.attribution.is_sure_of(first)

    second = bench.send("b", at=1.5)
    assert bench.attribution.task_of(shown(2.0, "10:01", 2)) is first
    assert bench.attribution.is_sure_of(first)
    assert bench.attribution.task_of(shown(3.0, "10:03")) is second
    assert not bench.attribution.is_sure_of(first)
    assert not bench.attribution.is_sure_of(second)

    bench.answer(first, 4.0)
    assert bench.attribution.task_of(shown(4.1, "10:03", 5)) is second
    assert bench.attribution.is_sure_of(second)


def test_a_request_that_is_sent_again_is_looked_at_anew(bench: Bench) -> None:
    task = bench.send("a")
    bench.attribution.task_of(shown(1.0, "10:01", 9))
    bench.answer(task, 2.0)
    bench.send_again(task, 2.0)
    behind = bench.send("b", at=2.1)

    assert bench.attribution.task_of(shown(3.0, "10:04")) is task
    assert bench.attribution.task_of(shown(4.0, "10:05")) is behind


def test_nothing_is_sent_behind_a_task_that_wants_previews_until_it_is_seen_alone() -> None:
    watch = FakeProgressPoller()
    agent = Agent(progress_poller=watch)
    wanted, behind = agent.claims(held_task("a", policy={"preview": True})), agent.claims(held_task("b"))
    assert agent.post(agent.prepared(wanted, GENERATION), agent.prepared(behind, GENERATION)) == [("generate", wanted)]
    assert watch.interval_seconds == CLOSE_POLL_SECONDS

    agent.clock.seconds += 0.1
    jobs = agent.post(on.ProgressReceived(shown(agent.clock.seconds, "10:01", 1, "of a")))

    assert jobs == [("preview", wanted, "of a"), ("generate", behind)]


def test_a_picture_of_the_next_run_is_nobodys_preview() -> None:
    agent = Agent()
    wanted, behind = agent.claims(held_task("a", policy={"preview": True})), agent.claims(held_task("b"))
    agent.post(agent.prepared(wanted, GENERATION), agent.prepared(behind, GENERATION))
    agent.clock.seconds += 0.1
    agent.post(
        on.ProgressReceived(shown(agent.clock.seconds, "10:01", 18, "of a")), on.PreviewStored(wanted, "s3://o/a")
    )

    # The first has left the lock and is being encoded.
    jobs = agent.post(on.ProgressReceived(shown(agent.clock.seconds, "10:03", 2, "of b")))

    assert jobs == []
    assert wanted.progress.preview_url == "s3://o/a"
    assert (wanted.progress.permille, behind.progress.permille) == (900, 100)


def test_progress_that_names_its_call_is_that_tasks_at_once(bench: Bench) -> None:
    first, second = (held_task(name, policy={"preview": True}) for name in ("a", "b"))
    for task in (first, second):
        assert isinstance(task.call, FakeCall)
        task.call.is_identified = True
        bench.send_again(task, 0.0)
    assert not bench.attribution.is_awaited

    progress = Progress(1.0, 0.5, interrupted=False, busy=True, call=second.call)
    assert bench.attribution.task_of(progress) is second
    assert bench.attribution.is_sure_of(second)
    assert bench.attribution.task_of(Progress(1.0, 0.5, interrupted=False, busy=True, call=object())) is None
