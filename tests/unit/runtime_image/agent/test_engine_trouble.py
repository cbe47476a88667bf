"""Decisions of the loop about an engine that fails, hangs, cuts connections or leaves an interrupt unanswered."""

import pytest

from runtime_image.agent.core import events as on
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.completion import AbandonReason, Release
from runtime_image.agent.core.engine_health import HOLD_SECONDS, MAX_FAILURES
from runtime_image.agent.generate.hang_detector import BEFORE_FIRST_STEP, STUCK_SECONDS
from runtime_image.agent.task_loop import TICK_SECONDS
from runtime_image.process.engine import Progress
from runtime_image.process.exit_codes import ExitCode
from runtime_image.webui.errors import (
    WebUiBroken,
    WebUiFailed,
    WebUiNotReached,
    WebUiOutOfMemory,
    WebUiRefused,
    WebUiUnclear,
    WebUiUnreachable,
)
from tests.unit.runtime_image.agent.agent_loop import HANG_SECONDS, Agent, TaskEnded, failed, generated
from tests.unit.runtime_image.agent.tasks import GENERATION, UPSCALING, held_task


@pytest.fixture
def agent() -> Agent:
    return Agent()


def test_a_refusal_that_an_interrupt_may_have_caused_is_not_the_requests_fault(agent: Agent) -> None:
    cancelled, upscaling = agent.generates("a"), agent.generates("b", UPSCALING)
    agent.post(on.TaskLost(cancelled, AbandonReason.CANCELLED), on.InterruptSent(cancelled), generated(cancelled, {}))

    assert agent.post(failed(upscaling, WebUiRefused("IndexError"))) == [("generate", upscaling)]
    assert agent.post(failed(upscaling, WebUiRefused("IndexError"))) == [("finish", upscaling, "webui_refused")]


@pytest.mark.parametrize("error", [WebUiRefused("IndexError"), WebUiUnclear("IndexError")])
def test_a_call_that_an_interrupt_may_have_cut_is_repeated_as_it_was(agent: Agent, error: Exception) -> None:
    cancelled, upscaling = agent.generates("a"), agent.generates("b", UPSCALING)
    agent.post(on.TaskLost(cancelled, AbandonReason.CANCELLED), on.InterruptSent(cancelled), generated(cancelled, {}))
    call = upscaling.call

    agent.post(failed(upscaling, error))

    assert upscaling.call is call


def test_an_unclear_failure_is_tried_again_alone_and_costs_no_other_task_anything(agent: Agent) -> None:
    suspect, behind = agent.generates("a"), agent.generates("b")

    assert agent.post(failed(suspect, WebUiUnclear("IndexError"))) == []
    assert agent.post(generated(behind, {})) == [("store", behind), ("generate", suspect)]
    waiting = agent.claims(held_task("c"))
    assert agent.post(agent.prepared(waiting, GENERATION)) == []
    jobs = agent.post(failed(suspect, WebUiRefused("IndexError")))

    assert jobs == [("finish", suspect, "webui_refused"), ("generate", waiting)]


def test_a_trial_that_ends_in_another_failure_releases_the_task_and_blames_nobody(agent: Agent) -> None:
    suspect = agent.generates("a")
    assert agent.post(failed(suspect, WebUiUnclear("IndexError"))) == [("generate", suspect)]

    assert agent.post(failed(suspect, WebUiUnclear("KeyError"))) == [("release", suspect, "webui_failed")]
    assert not agent.stopping.is_set()


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_broken_engine_gets_no_further_task(agent: Agent, *, is_cancelled: bool) -> None:
    suspect = agent.generates("a")
    agent.post(failed(suspect, WebUiUnclear("TypeError")))
    waiting = agent.claims(held_task("b"))
    agent.post(agent.prepared(waiting, GENERATION))
    if is_cancelled:
        agent.post(on.TaskLost(suspect, AbandonReason.CANCELLED))

    jobs = agent.post(failed(suspect, WebUiBroken("TypeError")))

    assert ("release", waiting, None) in jobs
    assert ("generate", waiting) not in jobs
    assert agent.stopping.is_set()


def test_tasks_that_need_too_much_memory_are_not_failures_of_the_engine(agent: Agent) -> None:
    for number in range(MAX_FAILURES + 1):
        task = agent.generates(f"task-{number}")
        assert agent.post(failed(task, WebUiOutOfMemory("CUDA"))) == [("release", task, "out_of_memory")]
        agent.post(TaskEnded(task))
        agent.clock.seconds += 1

    assert not agent.stopping.is_set()


def test_what_lost_its_connection_is_interrupted_and_what_was_behind_it_done_again(agent: Agent) -> None:
    cut, behind = agent.generates("a"), agent.generates("b")

    jobs = agent.post(failed(cut, WebUiUnreachable("cut")))
    assert jobs == [("await_engine",), ("release", cut, "webui_unreachable"), ("interrupt", cut)]
    agent.post(on.InterruptSent(cut))
    assert agent.post(generated(behind, {})) == []
    assert agent.post(on.EngineReady()) == [("generate", behind)]


def test_an_interrupt_without_an_answer_is_trouble_of_the_web_ui(agent: Agent) -> None:
    cancelled, behind = agent.generates("a"), agent.generates("b")
    agent.post(on.TaskLost(cancelled, AbandonReason.CANCELLED))

    assert agent.post(on.InterruptSent(cancelled, is_accepted=False)) == [("await_engine",)]
    agent.post(generated(cancelled, {}))
    # Alone and not interrupted; but the interrupt may still come.
    agent.clock.seconds += 0.1
    seen = Progress(agent.clock.seconds, 0.5, interrupted=False, busy=True)
    assert agent.post(on.ProgressReceived(seen), generated(behind, {})) == []
    assert agent.post(on.EngineReady()) == [("generate", behind)]


def test_failures_in_a_row_end_the_agent(agent: Agent) -> None:
    for number in range(MAX_FAILURES):
        task = agent.generates(f"task-{number}")
        jobs = agent.post(failed(task, WebUiFailed("crash")), TaskEnded(task))
        agent.clock.seconds += 1
        if number < MAX_FAILURES - 1:
            assert ("await_engine",) in jobs
            agent.post(on.EngineReady())

    agent.events.put(on.MessagesReceived(()))
    assert agent.loop.run() == ExitCode.WEBUI_UNHEALTHY


def test_two_failures_of_one_crash_count_as_one_and_success_forgets(agent: Agent) -> None:
    for _ in range(MAX_FAILURES):
        first, second = agent.generates("a"), agent.generates("b")
        agent.clock.seconds += 1
        agent.post(failed(first, WebUiFailed("x")), failed(second, WebUiFailed("x")))
        agent.post(TaskEnded(first), TaskEnded(second), on.EngineReady())
        agent.clock.seconds += 1
        good = agent.generates("c")
        agent.post(generated(good, {}), TaskEnded(good))

    assert not agent.stopping.is_set()


def test_nothing_is_sent_while_the_web_ui_is_in_trouble_and_others_may_have_it_soon(agent: Agent) -> None:
    first, waiting = agent.generates("a"), agent.claims(held_task("b"))
    requested = agent.poller.requested
    agent.post(failed(first, WebUiFailed("x")), on.MessagesReceived(()))

    assert ("generate", waiting) not in agent.post(agent.prepared(waiting, GENERATION))
    assert agent.poller.requested == requested
    assert ("release", waiting, None) in agent.advance(HOLD_SECONDS + 1)
    assert waiting.completion == Release(reason="the engine is in trouble")


def test_a_call_that_was_not_sent_waits_for_the_next_web_ui_and_keeps_its_delivery(agent: Agent) -> None:
    first, behind = agent.generates("a"), agent.generates("b")

    assert agent.post(failed(first, WebUiNotReached("refused"))) == [("await_engine",)]
    assert agent.post(failed(behind, WebUiNotReached("refused"))) == []
    agent.clock.seconds += HOLD_SECONDS - 1

    jobs = agent.post(on.EngineReady())
    assert {job[1] for job in jobs if job[0] == "generate"} == {first, behind}
    assert not [job for job in jobs if job[0] == "release"]


def test_a_set_up_that_was_not_sent_is_done_for_the_next_web_ui(agent: Agent) -> None:
    task = switches(agent, "a")

    assert agent.post(on.StageFailed("set_up", task, WebUiNotReached("refused"))) == [("await_engine",)]

    assert agent.post(on.EngineReady()) == [("set_up", task)]


def test_a_web_ui_that_ignores_interrupts_is_given_up(agent: Agent) -> None:
    task = agent.generates()
    agent.post(on.TaskLost(task, AbandonReason.CANCELLED), on.InterruptSent(task), TaskEnded(task))

    agent.advance(STUCK_SECONDS + 1)

    assert agent.stopping.is_set()


def test_cancelled_upscaling_is_interrupted_and_has_its_time_to_end(agent: Agent) -> None:
    task = agent.generates("a", UPSCALING)

    jobs = agent.post(on.TaskLost(task, AbandonReason.CANCELLED), TaskEnded(task))

    assert ("interrupt", task) in jobs
    agent.post(on.InterruptSent(task))
    agent.advance(STUCK_SECONDS + 1)
    assert not agent.stopping.is_set()
    agent.advance(HANG_SECONDS)
    assert agent.stopping.is_set()


def test_upscaling_that_hangs_is_handed_back(agent: Agent) -> None:
    task = agent.generates("a", UPSCALING)
    agent.advance(TICK_SECONDS)
    assert not [job for job in agent.advance(BEFORE_FIRST_STEP * HANG_SECONDS) if job[0] != "check_leases"]

    assert ("release", task, "webui_hung") in agent.advance(1.0)


def test_a_hanging_web_ui_loses_its_task_and_is_given_up_if_an_interrupt_does_not_help(agent: Agent) -> None:
    running, behind = agent.generates("a"), agent.generates("b")
    scale_in_protection = Progress(1000.0, 0.5, interrupted=False, busy=True, position=("a", 3), has_stepped=True)
    agent.post(on.ProgressReceived(scale_in_protection))
    assert not [job for job in agent.advance(HANG_SECONDS - 1) if job[0] == "release"]
    agent.post(on.LeasesChecked())

    jobs = agent.advance(2.0)

    assert [job for job in jobs if job[0] != "check_leases"] == [
        ("await_engine",),
        ("release", running, "webui_hung"),
        ("interrupt", running),
    ]
    assert not agent.stopping.is_set()
    agent.post(on.InterruptSent(running))
    assert ("release", behind, None) in agent.advance(min(STUCK_SECONDS, HANG_SECONDS) + 1)
    assert agent.stopping.is_set()


@pytest.mark.parametrize("end", ["cut", "answered", "refused", "failed"])
def test_hangs_in_a_row_end_the_agent_however_their_requests_end(agent: Agent, end: str) -> None:
    for number in range(MAX_FAILURES):
        agent.clock.seconds += 1
        task = agent.generates(f"task-{number}")
        agent.advance(TICK_SECONDS)
        assert ("release", task, "webui_hung") in agent.advance(BEFORE_FIRST_STEP * HANG_SECONDS + 1)
        agent.post(on.InterruptSent(task), TaskEnded(task))
        agent.clock.seconds += 1
        last: dict[str, on.Event] = {
            "cut": failed(task, WebUiUnreachable("cut")),
            "answered": generated(task, {}),
            "refused": failed(task, WebUiRefused("IndexError")),
            "failed": failed(task, WebUiFailed("500")),
        }
        agent.post(last[end], on.EngineReady())

    assert agent.stopping.is_set()


def switches(agent: Agent, name: str) -> ClaimedTask:
    """Have a task wait for another checkpoint than the one that is loaded."""
    task = agent.claims(held_task(name, checkpoint="two"))
    assert ("set_up", task) in agent.post(agent.prepared(task, GENERATION))
    return task


def test_a_checkpoint_that_is_not_loaded_in_time_hands_its_task_back_and_three_end_the_agent(agent: Agent) -> None:
    for number in range(MAX_FAILURES):
        agent.clock.seconds += 1
        task = switches(agent, f"task-{number}")
        assert not [job for job in agent.advance(HANG_SECONDS) if job[0] != "check_leases"]
        assert ("release", task, "webui_hung") in agent.advance(1.0)
        agent.post(TaskEnded(task), failed(task, WebUiUnreachable("silent")), on.EngineReady())

    assert agent.stopping.is_set()


def test_a_checkpoint_that_is_loaded_for_nobody_has_its_time_and_no_more(agent: Agent) -> None:
    task = switches(agent, "a")
    agent.post(on.TaskLost(task, AbandonReason.CANCELLED), TaskEnded(task))

    agent.advance(HANG_SECONDS - 1)
    assert not agent.stopping.is_set()
    agent.advance(2.0)
    assert agent.stopping.is_set()
