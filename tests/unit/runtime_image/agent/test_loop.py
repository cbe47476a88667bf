"""What the loop decides, event by event, without threads."""

from dataclasses import replace
from typing import Any

import pytest

from contract.errors import DarkroomError
from guarded_http.errors import LinkRefused
from runtime_image.agent import events as on
from runtime_image.agent.crew import MAX_AHEAD
from runtime_image.agent.errors import NotHeld, WebUiFailed, WebUiRefused, WebUiUnreachable
from runtime_image.agent.health import MAX_FAILURES
from runtime_image.agent.held_task import HeldTask, Stage
from runtime_image.agent.loop import TICK_SECONDS
from runtime_image.agent.pace import HORIZON_SECONDS, SLOW_PREPARATION_SECONDS
from runtime_image.agent.rounds import HEARTBEAT_SECONDS, STUCK_SECONDS
from runtime_image.agent.standstill import BEFORE_FIRST_STEP
from runtime_image.agent.webui.progress import Progress
from runtime_image.agent.webui.request import WebUiRequest
from runtime_image.exit_codes import ExitCode
from tests.unit.runtime_image.agent.agent_loop import HANG_SECONDS, Agent
from tests.unit.runtime_image.agent.tasks import GENERATION, UPSCALING, held_task, received


@pytest.fixture
def agent() -> Agent:
    return Agent()


def test_a_task_goes_from_stage_to_stage(agent: Agent) -> None:
    assert agent.receiver.requested == 1
    task = held_task()
    task.stage, task.lease_until = Stage.PREPARING, 99_999.0

    assert agent.happens(on.MessagesReceived((task.message,))) == [("take", task.message)]
    assert agent.happens(on.TaskClaimed(task)) == [("prepare", task)]
    assert agent.keeper.held == [task]
    assert agent.happens(on.TaskPrepared(task, GENERATION)) == [("generate", task)]
    assert agent.happens(on.TaskGenerated(task, {"images": []})) == [("store", task, {"images": []})]
    assert agent.happens(on.TaskEnded(task)) == []


def progress(agent: Agent, fraction: float) -> on.ProgressSeen:
    return on.ProgressSeen(Progress(agent.clock.seconds, fraction, interrupted=False, busy=True))


def test_the_second_of_all_is_sent_once_the_first_is_known_to_be_short() -> None:
    agent = Agent(knows_pace=False)
    first, second = agent.generates("a"), agent.claims(held_task("b"))
    assert agent.happens(on.TaskPrepared(second, GENERATION)) == []

    agent.clock.seconds += 0.1
    assert agent.happens(progress(agent, 0.1)) == [("generate", second)]
    assert agent.in_flight.tasks == [first, second]


@pytest.mark.parametrize("shows_progress", [True, False])
def test_the_second_of_all_goes_back_once_the_first_is_known_to_be_long(*, shows_progress: bool) -> None:
    agent = Agent(knows_pace=False)
    agent.generates("a")
    second = agent.claims(held_task("b"))
    agent.happens(on.TaskPrepared(second, GENERATION))

    agent.clock.seconds += HORIZON_SECONDS + 0.1
    jobs = agent.happens(progress(agent, 0.1 if shows_progress else 0.0))

    assert ("hand_back", second, None) in jobs


def test_what_was_delivered_before_is_kept_although_the_first_is_long() -> None:
    agent = Agent(knows_pace=False)
    agent.generates("a")
    second = held_task("b")
    second.message = replace(second.message, receive_count=2)
    agent.claims(second)

    agent.clock.seconds += HORIZON_SECONDS + 0.1

    assert not [job for job in agent.happens(progress(agent, 0.1)) if job[0] == "hand_back"]


def test_two_are_at_the_web_ui_and_the_third_waits(agent: Agent) -> None:
    first, second = agent.generates("a"), agent.generates("b")
    third = agent.claims(held_task("c"))

    assert agent.happens(on.TaskPrepared(third, GENERATION)) == []
    assert agent.in_flight.tasks == [first, second]
    assert ("generate", third) in agent.happens(on.TaskGenerated(first, {}))


def receives(agent: Agent) -> bool:
    """Tell whether the agent asks for a message once the present receive call is over."""
    before = agent.receiver.requested
    agent.happens(on.MessagesReceived(()))
    return agent.receiver.requested > before


@pytest.mark.parametrize("knows_pace", [True, False])
def test_tasks_that_wait_for_slow_links_keep_no_other_from_coming(*, knows_pace: bool) -> None:
    agent = Agent(knows_pace=knows_pace, seconds_per_task=4.0)
    # Nothing may be known, and two are taken then.
    slow = [agent.claims(held_task("a")), *([] if knows_pace else [agent.claims(held_task("b"))])]
    assert not receives(agent)

    agent.passes(SLOW_PREPARATION_SECONDS)
    assert receives(agent)
    agent.happens(on.TaskPrepared(slow[0], GENERATION))
    if knows_pace:
        assert not receives(agent), "now it is four seconds of work"


def test_no_more_wait_for_links_than_their_memory_is_reckoned_for(agent: Agent) -> None:
    for number in range(MAX_AHEAD):
        assert receives(agent)
        agent.claims(held_task(f"slow-{number}"))
        agent.passes(SLOW_PREPARATION_SECONDS)

    assert not receives(agent)


def test_another_checkpoint_waits_until_nothing_runs(agent: Agent) -> None:
    agent.checkpoints.name = "one"
    first = agent.claims(held_task("a", checkpoint="one"))
    other = agent.claims(held_task("b", checkpoint="two"))
    assert agent.happens(on.TaskPrepared(first, GENERATION)) == [("generate", first)]
    assert agent.happens(on.TaskPrepared(other, GENERATION)) == []

    assert ("load_checkpoint", other, "two") in agent.happens(on.TaskGenerated(first, {}))
    agent.checkpoints.name = "two"
    assert agent.happens(on.CheckpointLoaded(other)) == [("generate", other)]


def test_options_are_guarded_once_and_while_nothing_runs(agent: Agent) -> None:
    keys = frozenset({"CLIP_stop_at_last_layers"})
    overriding = replace(GENERATION, overridden_options=keys)
    first, second, third = agent.generates("a"), agent.claims(held_task("b")), agent.claims(held_task("c"))
    assert agent.happens(on.TaskPrepared(second, overriding), on.TaskPrepared(third, overriding)) == []

    assert ("guard_options", second, keys) in agent.happens(on.TaskGenerated(first, {}))
    agent.options.guarded = set(keys)
    assert agent.happens(on.OptionsGuarded(second)) == [("generate", second), ("generate", third)]


def test_a_call_that_changes_the_service_has_it_to_itself(agent: Agent) -> None:
    first = agent.generates("a")
    options = WebUiRequest("POST", "/sdapi/v1/options", b"{}", exclusive=True)
    change, after = agent.claims(held_task("b")), agent.claims(held_task("c"))
    assert agent.happens(on.TaskPrepared(change, options), on.TaskPrepared(after, GENERATION)) == []

    assert ("generate", change) in agent.happens(on.TaskGenerated(first, {}))
    assert agent.in_flight.tasks == [change]
    assert ("generate", after) in agent.happens(on.TaskGenerated(change, None))


@pytest.mark.parametrize(
    ("error", "job"),
    [
        (LinkRefused("no"), ("fail", "link_refused")),
        (WebUiRefused("no"), ("fail", "webui_refused")),
        (WebUiFailed("crash"), ("hand_back", "webui_failed")),
        (NotHeld(), ("leave", on.Loss.RECORD)),
        (RuntimeError("bug"), ("hand_back", "internal_error")),
    ],
)
def test_failures_end_as_their_kind_says(agent: Agent, error: Exception, job: tuple[Any, ...]) -> None:
    task = agent.claims(held_task())

    jobs = agent.happens(on.StepFailed(task, error))

    assert (job[0], task, job[1]) in jobs
    assert task.given_up.is_set()


def test_a_lost_task_is_interrupted_only_when_it_runs(agent: Agent) -> None:
    first, second = agent.generates("a"), agent.generates("b")

    assert agent.happens(on.TaskLost(second, on.Loss.RECORD)) == [("leave", second, on.Loss.RECORD)]
    assert ("interrupt", second) in agent.happens(on.TaskGenerated(first, {}))
    # What it still answers is thrown away.
    agent.happens(on.InterruptSent(second), on.TaskEnded(second))
    assert agent.happens(on.TaskGenerated(second, {})) == []


def test_what_may_have_been_cut_is_generated_again(agent: Agent) -> None:
    first, second = agent.generates("a"), agent.generates("b")
    jobs = agent.happens(on.TaskLost(first, on.Loss.RECORD))
    assert ("interrupt", first) in jobs

    agent.happens(on.InterruptSent(first), on.TaskGenerated(first, {}))
    assert agent.happens(on.TaskGenerated(second, {})) == [("generate", second)]
    assert agent.happens(on.TaskGenerated(second, {"images": [1]})) == [("store", second, {"images": [1]})]


def test_a_refusal_that_an_interrupt_may_have_caused_is_not_the_requests_fault(agent: Agent) -> None:
    cancelled, upscaling = agent.generates("a"), agent.generates("b", UPSCALING)
    agent.happens(on.TaskLost(cancelled, on.Loss.RECORD), on.InterruptSent(cancelled), on.TaskGenerated(cancelled, {}))

    assert agent.happens(on.StepFailed(upscaling, WebUiRefused("IndexError"))) == [("generate", upscaling)]
    assert agent.happens(on.StepFailed(upscaling, WebUiRefused("IndexError"))) == [("fail", upscaling, "webui_refused")]


def test_what_lost_its_connection_is_interrupted_and_what_was_behind_it_done_again(agent: Agent) -> None:
    cut, behind = agent.generates("a"), agent.generates("b")

    jobs = agent.happens(on.StepFailed(cut, WebUiUnreachable("cut")))
    assert jobs == [("await_webui",), ("hand_back", cut, "webui_unreachable"), ("interrupt", cut)]
    agent.happens(on.InterruptSent(cut))
    assert agent.happens(on.TaskGenerated(behind, {})) == []
    assert agent.happens(on.WebUiReady()) == [("generate", behind)]


def test_an_interrupt_without_an_answer_is_trouble_of_the_web_ui(agent: Agent) -> None:
    cancelled, behind = agent.generates("a"), agent.generates("b")
    agent.happens(on.TaskLost(cancelled, on.Loss.RECORD))

    assert agent.happens(on.InterruptSent(cancelled, is_taken=False)) == [("await_webui",)]
    agent.happens(on.TaskGenerated(cancelled, {}))
    # Alone and not interrupted; but the interrupt may still come.
    agent.clock.seconds += 0.1
    assert agent.happens(progress(agent, 0.5), on.TaskGenerated(behind, {})) == []
    assert agent.happens(on.WebUiReady()) == [("generate", behind)]


def test_progress_belongs_to_the_oldest_and_is_written_every_two_seconds(agent: Agent) -> None:
    first, second = agent.generates("a"), agent.generates("b")
    seen = Progress(asked_at=1000.0, fraction=0.5, interrupted=False, busy=True)
    agent.happens(on.ProgressSeen(seen))

    assert agent.passes(HEARTBEAT_SECONDS) == [("heartbeat", first, (500, {}, None)), ("heartbeat", second, None)]
    agent.happens(on.HeartbeatDone(first, is_held=True), on.HeartbeatDone(second, is_held=True))
    sampling = {"sampling_step": 7, "sampling_steps": 10}
    agent.happens(on.ProgressSeen(Progress(1000.5, 0.7, interrupted=False, busy=True, sampling=sampling)))
    assert ("heartbeat", first, None) in agent.passes(HEARTBEAT_SECONDS)
    agent.happens(on.HeartbeatDone(first, is_held=True))
    assert ("heartbeat", first, (700, sampling, None)) in agent.passes(HEARTBEAT_SECONDS)


def test_a_cancelled_task_is_noticed_by_its_heartbeat(agent: Agent) -> None:
    task = agent.generates()

    jobs = agent.happens(on.HeartbeatDone(task, is_held=False))

    assert jobs == [("leave", task, on.Loss.RECORD), ("interrupt", task)]


def test_a_heartbeat_that_meets_the_commit_is_no_loss(agent: Agent) -> None:
    task = agent.generates()
    agent.happens(on.TaskGenerated(task, {}))

    assert agent.happens(on.HeartbeatDone(task, is_held=False)) == []


def test_lease_and_time_limit_end_a_task(agent: Agent) -> None:
    task = agent.generates()
    task.lease_until = agent.clock.seconds + 1
    assert ("leave", task, on.Loss.LEASE_ENDED) in agent.passes(1.0)

    late = agent.generates("late")
    jobs = agent.passes(late.metadata.policy.execution_timeout_ms / 1000)
    assert ("fail", late, "execution_timeout") in jobs


def test_stop_hands_back_what_has_not_begun_and_waits_for_the_rest(agent: Agent) -> None:
    running = agent.generates("a")
    waiting = agent.claims(held_task("b"))

    assert agent.happens(on.StopRequested()) == [("hand_back", waiting, None)]
    requested = agent.receiver.requested
    late = held_task("c")
    assert agent.happens(on.MessagesReceived((late.message,))) == [("return_message", late.message, 0)]
    assert agent.receiver.requested == requested
    assert ("hand_back", running, None) in agent.passes(15.0)


def test_a_claim_that_comes_back_after_the_stop_is_handed_back(agent: Agent) -> None:
    task = held_task()
    task.stage = Stage.PREPARING
    agent.happens(on.MessagesReceived((task.message,)), on.StopRequested())

    assert agent.happens(on.TaskClaimed(task)) == [("hand_back", task, None)]


def test_a_second_signal_hurries(agent: Agent) -> None:
    task = agent.generates()
    agent.happens(on.StopRequested())

    assert agent.happens(on.StopRequested()) == [("hand_back", task, None), ("interrupt", task)]


def test_the_first_signal_after_a_notice_of_the_machines_end_does_not_hurry(agent: Agent) -> None:
    task = agent.generates()
    agent.happens(on.CapacityEnding())

    assert ("hand_back", task, None) not in agent.happens(on.StopRequested())
    assert ("hand_back", task, None) in agent.happens(on.StopRequested())


def test_the_loop_ends_when_everything_is_settled(agent: Agent) -> None:
    agent.events.put(on.StopRequested())
    agent.events.put(on.MessagesReceived(()))

    assert agent.loop.run() == ExitCode.STOPPED


def test_failures_in_a_row_end_the_agent(agent: Agent) -> None:
    for number in range(MAX_FAILURES):
        task = agent.generates(f"task-{number}")
        jobs = agent.happens(on.StepFailed(task, WebUiFailed("crash")), on.TaskEnded(task))
        agent.clock.seconds += 1
        if number < MAX_FAILURES - 1:
            assert ("await_webui",) in jobs
            agent.happens(on.WebUiReady())

    agent.events.put(on.MessagesReceived(()))
    assert agent.loop.run() == ExitCode.WEBUI_UNHEALTHY


def test_two_failures_of_one_crash_count_as_one_and_success_forgets(agent: Agent) -> None:
    for _ in range(MAX_FAILURES):
        first, second = agent.generates("a"), agent.generates("b")
        agent.clock.seconds += 1
        agent.happens(on.StepFailed(first, WebUiFailed("x")), on.StepFailed(second, WebUiFailed("x")))
        agent.happens(on.TaskEnded(first), on.TaskEnded(second), on.WebUiReady())
        agent.clock.seconds += 1
        good = agent.generates("c")
        agent.happens(on.TaskGenerated(good, {}), on.TaskEnded(good))

    assert not agent.stopping.is_set()


def test_nothing_is_sent_while_the_web_ui_is_in_trouble_and_others_may_have_it_soon(agent: Agent) -> None:
    first, waiting = agent.generates("a"), agent.claims(held_task("b"))
    requested = agent.receiver.requested
    agent.happens(on.StepFailed(first, WebUiFailed("x")), on.MessagesReceived(()))

    assert ("generate", waiting) not in agent.happens(on.TaskPrepared(waiting, GENERATION))
    assert agent.receiver.requested == requested
    assert ("hand_back", waiting, None) in agent.passes(11.0)


def test_a_web_ui_that_ignores_interrupts_is_given_up(agent: Agent) -> None:
    task = agent.generates()
    agent.happens(on.TaskLost(task, on.Loss.RECORD), on.InterruptSent(task), on.TaskEnded(task))

    agent.passes(STUCK_SECONDS + 1)

    assert agent.stopping.is_set()


def test_cancelled_upscaling_is_interrupted_and_has_its_time_to_end(agent: Agent) -> None:
    task = agent.generates("a", UPSCALING)

    jobs = agent.happens(on.TaskLost(task, on.Loss.RECORD), on.TaskEnded(task))

    assert ("interrupt", task) in jobs
    agent.happens(on.InterruptSent(task))
    agent.passes(STUCK_SECONDS + 1)
    assert not agent.stopping.is_set()
    agent.passes(HANG_SECONDS)
    assert agent.stopping.is_set()


def test_upscaling_that_hangs_is_handed_back(agent: Agent) -> None:
    task = agent.generates("a", UPSCALING)
    agent.passes(TICK_SECONDS)
    assert not [job for job in agent.passes(BEFORE_FIRST_STEP * HANG_SECONDS) if job[0] != "heartbeat"]

    assert ("hand_back", task, "webui_hung") in agent.passes(1.0)


def test_a_hanging_web_ui_loses_its_task_and_is_given_up_if_an_interrupt_does_not_help(agent: Agent) -> None:
    running, behind = agent.generates("a"), agent.generates("b")
    standing = Progress(1000.0, 0.5, interrupted=False, busy=True, position=("a", 3), has_stepped=True)
    agent.happens(on.ProgressSeen(standing))
    assert not [job for job in agent.passes(HANG_SECONDS - 1) if job[0] == "hand_back"]
    agent.happens(on.HeartbeatDone(running, is_held=True), on.HeartbeatDone(behind, is_held=True))

    jobs = agent.passes(2.0)

    assert [job for job in jobs if job[0] != "heartbeat"] == [
        ("await_webui",),
        ("hand_back", running, "webui_hung"),
        ("interrupt", running),
    ]
    assert not agent.stopping.is_set()
    agent.happens(on.InterruptSent(running))
    assert ("hand_back", behind, None) in agent.passes(min(STUCK_SECONDS, HANG_SECONDS) + 1)
    assert agent.stopping.is_set()


@pytest.mark.parametrize("end", ["cut", "answered", "refused", "failed"])
def test_hangs_in_a_row_end_the_agent_however_their_requests_end(agent: Agent, end: str) -> None:
    for number in range(MAX_FAILURES):
        agent.clock.seconds += 1
        task = agent.generates(f"task-{number}")
        agent.passes(TICK_SECONDS)
        assert ("hand_back", task, "webui_hung") in agent.passes(BEFORE_FIRST_STEP * HANG_SECONDS + 1)
        agent.happens(on.InterruptSent(task), on.TaskEnded(task))
        agent.clock.seconds += 1
        last: dict[str, on.Event] = {
            "cut": on.StepFailed(task, WebUiUnreachable("cut")),
            "answered": on.TaskGenerated(task, {}),
            "refused": on.StepFailed(task, WebUiRefused("IndexError")),
            "failed": on.StepFailed(task, WebUiFailed("500")),
        }
        agent.happens(last[end], on.WebUiReady())

    assert agent.stopping.is_set()


def switches(agent: Agent, name: str) -> HeldTask:
    """Have a task wait for another checkpoint than the one that is loaded."""
    task = agent.claims(held_task(name, checkpoint="two"))
    assert ("load_checkpoint", task, "two") in agent.happens(on.TaskPrepared(task, GENERATION))
    return task


def test_a_checkpoint_that_is_not_loaded_in_time_hands_its_task_back_and_three_end_the_agent(agent: Agent) -> None:
    for number in range(MAX_FAILURES):
        agent.clock.seconds += 1
        task = switches(agent, f"task-{number}")
        assert not [job for job in agent.passes(HANG_SECONDS) if job[0] != "heartbeat"]
        assert ("hand_back", task, "webui_hung") in agent.passes(1.0)
        agent.happens(on.TaskEnded(task), on.StepFailed(task, WebUiUnreachable("silent")), on.WebUiReady())

    assert agent.stopping.is_set()


def test_a_checkpoint_that_is_loaded_for_nobody_has_its_time_and_no_more(agent: Agent) -> None:
    task = switches(agent, "a")
    agent.happens(on.TaskLost(task, on.Loss.RECORD), on.TaskEnded(task))

    agent.passes(HANG_SECONDS - 1)
    assert not agent.stopping.is_set()
    agent.passes(2.0)
    assert agent.stopping.is_set()


def test_a_task_that_waits_is_looked_at_often_enough_to_notice_its_cancel_within_two_seconds(agent: Agent) -> None:
    agent.generates("a"), agent.generates("b")
    waiting = agent.claims(held_task("c"))
    agent.happens(on.TaskPrepared(waiting, GENERATION))

    # What is left of the two seconds is for the loop's tick and AWS's answer.
    jobs = agent.passes(2.0 - TICK_SECONDS - 0.3)

    assert ("heartbeat", waiting, None) in jobs
    assert agent.happens(on.HeartbeatDone(waiting, is_held=False)) == [("leave", waiting, on.Loss.RECORD)]


def test_another_message_of_a_held_task_is_kept_with_it(agent: Agent) -> None:
    task = agent.generates()
    again, duplicate = received(message_id="cat"), received(message_id="m-2")

    agent.happens(on.TaskRedelivered(task.key, again), on.TaskRedelivered(task.key, duplicate))

    assert task.message is again
    assert task.duplicates == [duplicate]
    unknown = received(message_id="m-3")
    assert agent.happens(on.TaskRedelivered(("unknown", "0000"), unknown))[0][0] == "return_message"


def test_a_run_that_is_claimed_again_before_its_loss_is_written_is_held(agent: Agent) -> None:
    lost = agent.generates("cat")
    agent.happens(on.TaskLost(lost, on.Loss.MESSAGE))
    again = agent.claims(held_task("cat"))
    agent.happens(on.TaskEnded(lost))

    again.lease_until = agent.clock.seconds
    assert ("leave", again, on.Loss.LEASE_ENDED) in agent.passes(1.0)


def test_a_dead_thread_ends_the_agent(agent: Agent) -> None:
    agent.events.put(on.ThreadFailed("keeper", RuntimeError("bug")))
    agent.events.put(on.MessagesReceived(()))

    assert agent.loop.run() == ExitCode.INTERNAL_ERROR


def test_errors_of_tasks_say_whether_they_may_be_tried_again() -> None:
    assert issubclass(WebUiFailed, DarkroomError)
    assert WebUiFailed.retryable
    assert not WebUiRefused.retryable
