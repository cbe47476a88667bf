"""Decisions of the loop, event by event, without threads."""

from dataclasses import replace
from typing import Any

import pytest

from contract.errors import DarkroomError
from contract.lease import ProgressReport
from contract.record import Status
from contract.transitions import Outcome
from guarded_http.errors import LinkRefused
from runtime_image.agent.core import events as on
from runtime_image.agent.core.claimed_task import NO_PROGRESS, TaskPhase
from runtime_image.agent.core.completion import AbandonReason, Release
from runtime_image.agent.core.worker_pools import MAX_AHEAD
from runtime_image.agent.intake.prefetch_window import HORIZON_SECONDS, SLOW_PREPARATION_SECONDS
from runtime_image.agent.lease.task_monitor import HEARTBEAT_SECONDS, PROGRESS_SECONDS
from runtime_image.agent.task_loop import TICK_SECONDS
from runtime_image.model_downloader.progress import DownloadProgress as Download
from runtime_image.process.engine import Progress
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.threads import ThreadFailed
from runtime_image.webui.errors import WebUiFailed, WebUiRefused
from runtime_image.webui.request import WebUiRequest
from tests.unit.runtime_image.agent.agent_loop import Agent, TaskEnded, failed, generated
from tests.unit.runtime_image.agent.tasks import GENERATION, held_task, received


@pytest.fixture
def agent() -> Agent:
    return Agent()


def test_a_task_goes_from_stage_to_stage(agent: Agent) -> None:
    assert agent.poller.requested == 1
    task = held_task()
    task.phase, task.lease_until = TaskPhase.PREPARING, 99_999.0

    assert agent.post(on.MessagesReceived((task.message,))) == [("claim", task.message)]
    assert agent.post(on.MessageHandled(task)) == [("prepare", task)]
    assert agent.lease_renewal.held == [task]
    assert agent.post(agent.prepared(task, GENERATION)) == [("generate", task)]
    assert agent.post(generated(task, {"images": []})) == [("store", task)]
    task.outcome = Outcome(Status.COMPLETED)
    assert agent.post(on.StageDone("store", task)) == [("finish", task, "COMPLETED")]
    assert agent.post(on.StageDone("complete", task)) == []


def progress(agent: Agent, fraction: float) -> on.ProgressReceived:
    return on.ProgressReceived(Progress(agent.clock.seconds, fraction, interrupted=False, busy=True))


def test_the_second_of_all_is_sent_once_the_first_is_known_to_be_short() -> None:
    agent = Agent(knows_pace=False)
    first, second = agent.generates("a"), agent.claims(held_task("b"))
    assert agent.post(agent.prepared(second, GENERATION)) == []

    agent.clock.seconds += 0.1
    assert agent.post(progress(agent, 0.1)) == [("generate", second)]
    assert agent.outstanding.tasks == [first, second]


@pytest.mark.parametrize("shows_progress", [True, False])
def test_the_second_of_all_goes_back_once_the_first_is_known_to_be_long(*, shows_progress: bool) -> None:
    agent = Agent(knows_pace=False)
    agent.generates("a")
    second = agent.claims(held_task("b"))
    agent.post(agent.prepared(second, GENERATION))

    agent.clock.seconds += HORIZON_SECONDS + 0.1
    jobs = agent.post(progress(agent, 0.1 if shows_progress else 0.0))

    assert ("release", second, None) in jobs
    assert second.completion == Release(reason="another replica can begin sooner")


def test_what_was_delivered_before_is_kept_although_the_first_is_long() -> None:
    agent = Agent(knows_pace=False)
    agent.generates("a")
    second = held_task("b")
    second.message = replace(second.message, receive_count=2)
    agent.claims(second)

    agent.clock.seconds += HORIZON_SECONDS + 0.1

    assert not [job for job in agent.post(progress(agent, 0.1)) if job[0] == "release"]


def test_two_are_at_the_web_ui_and_the_third_waits(agent: Agent) -> None:
    first, second = agent.generates("a"), agent.generates("b")
    third = agent.claims(held_task("c"))

    assert agent.post(agent.prepared(third, GENERATION)) == []
    assert agent.outstanding.tasks == [first, second]
    assert ("generate", third) in agent.post(generated(first, {}))


def receives(agent: Agent) -> bool:
    """Return True if the agent asks for a message once the present receive call has ended."""
    before = agent.poller.requested
    agent.post(on.MessagesReceived(()))
    return agent.poller.requested > before


@pytest.mark.parametrize("knows_pace", [True, False])
def test_tasks_that_wait_for_slow_links_keep_no_other_from_coming(*, knows_pace: bool) -> None:
    agent = Agent(knows_pace=knows_pace, seconds_per_task=4.0)
    # Nothing may be known, and two are claimed then.
    slow = [agent.claims(held_task("a")), *([] if knows_pace else [agent.claims(held_task("b"))])]
    assert not receives(agent)

    agent.advance(SLOW_PREPARATION_SECONDS)
    assert receives(agent)
    agent.post(agent.prepared(slow[0], GENERATION))
    if knows_pace:
        assert not receives(agent), "now it is four seconds of work"


def test_no_more_wait_for_links_than_their_memory_is_reckoned_for(agent: Agent) -> None:
    for number in range(MAX_AHEAD):
        assert receives(agent)
        agent.claims(held_task(f"slow-{number}"))
        agent.advance(SLOW_PREPARATION_SECONDS)

    assert not receives(agent)


def test_another_checkpoint_waits_until_nothing_runs(agent: Agent) -> None:
    agent.engine.name = "one"
    first = agent.claims(held_task("a", checkpoint="one"))
    other = agent.claims(held_task("b", checkpoint="two"))
    assert agent.post(agent.prepared(first, GENERATION)) == [("generate", first)]
    assert agent.post(agent.prepared(other, GENERATION)) == []

    assert ("set_up", other) in agent.post(generated(first, {}))
    agent.engine.name = "two"
    assert agent.post(on.StageDone("set_up", other)) == [("generate", other)]


def test_options_are_guarded_once_and_while_nothing_runs(agent: Agent) -> None:
    keys = frozenset({"CLIP_stop_at_last_layers"})
    overriding = replace(GENERATION, overridden_options=keys)
    first, second, third = agent.generates("a"), agent.claims(held_task("b")), agent.claims(held_task("c"))
    assert agent.post(agent.prepared(second, overriding), agent.prepared(third, overriding)) == []

    assert ("set_up", second) in agent.post(generated(first, {}))
    agent.engine.pinned = set(keys)
    assert agent.post(on.StageDone("set_up", second)) == [("generate", second), ("generate", third)]


def test_a_call_that_changes_the_service_has_it_to_itself(agent: Agent) -> None:
    first = agent.generates("a")
    options = WebUiRequest("POST", "/sdapi/v1/options", b"{}", is_exclusive=True)
    change, after = agent.claims(held_task("b")), agent.claims(held_task("c"))
    assert agent.post(agent.prepared(change, options), agent.prepared(after, GENERATION)) == []

    assert ("generate", change) in agent.post(generated(first, {}))
    assert agent.outstanding.tasks == [change]
    assert ("generate", after) in agent.post(generated(change, None))


@pytest.mark.parametrize(
    ("error", "job"),
    [
        (LinkRefused("no"), ("finish", "link_refused")),
        (WebUiRefused("no"), ("finish", "webui_refused")),
        (WebUiFailed("crash"), ("release", "webui_failed")),
        (RuntimeError("bug"), ("release", "internal_error")),
    ],
)
def test_failures_end_as_their_kind_says(agent: Agent, error: Exception, job: tuple[Any, ...]) -> None:
    task = agent.claims(held_task())

    jobs = agent.post(failed(task, error))

    assert (job[0], task, job[1]) in jobs
    assert task.aborted.is_set()


def test_a_lost_task_is_interrupted_only_when_it_runs(agent: Agent) -> None:
    first, second = agent.generates("a"), agent.generates("b")

    assert agent.post(on.TaskLost(second, AbandonReason.CANCELLED)) == [("abandon", second, AbandonReason.CANCELLED)]
    assert ("interrupt", second) in agent.post(generated(first, {}))
    # What it still answers is thrown away.
    agent.post(on.InterruptSent(second), TaskEnded(second))
    assert agent.post(generated(second, {})) == []


def test_what_may_have_been_cut_is_generated_again(agent: Agent) -> None:
    first, second = agent.generates("a"), agent.generates("b")
    jobs = agent.post(on.TaskLost(first, AbandonReason.CANCELLED))
    assert ("interrupt", first) in jobs

    agent.post(on.InterruptSent(first), generated(first, {}))
    assert agent.post(generated(second, {})) == [("generate", second)]
    assert agent.post(generated(second, {"images": [1]})) == [("store", second)]


def test_progress_belongs_to_the_oldest_and_is_written_every_two_seconds(agent: Agent) -> None:
    first, second = agent.generates("a"), agent.generates("b")
    seen = Progress(asked_at=1000.0, fraction=0.5, interrupted=False, busy=True)
    agent.post(on.ProgressReceived(seen))

    assert agent.advance(HEARTBEAT_SECONDS) == [("check_leases", [first, second])]
    agent.post(on.LeasesChecked())

    assert agent.advance(HEARTBEAT_SECONDS) == [
        ("write_progress", first, ProgressReport(500, {})),
        ("check_leases", [second]),
    ]
    agent.post(on.ProgressWritten(first), on.LeasesChecked())
    sampling = {"sampling_step": 7, "sampling_steps": 10}
    agent.post(on.ProgressReceived(Progress(1000.5, 0.7, interrupted=False, busy=True, sampling=sampling)))
    assert agent.advance(HEARTBEAT_SECONDS) == [("check_leases", [first, second])]
    assert ("write_progress", first, ProgressReport(700, sampling)) in agent.advance(HEARTBEAT_SECONDS)


def test_what_has_come_of_its_models_is_written_until_they_are_there(agent: Agent) -> None:
    task = agent.claims(held_task())
    task.fetching = Download(files=1, total_bytes=1000)
    task.fetching.fetched("Stable-diffusion/a.safetensors", 250)
    models = {"bytes": 1000, "bytes_done": 250}
    assert ("write_progress", task, ProgressReport(0, {}, models=models)) in agent.advance(HEARTBEAT_SECONDS)
    agent.post(on.ProgressWritten(task))

    task.fetching = None
    assert ("write_progress", task, NO_PROGRESS) in agent.advance(PROGRESS_SECONDS)


def test_a_cancelled_task_is_noticed_by_its_heartbeat(agent: Agent) -> None:
    task = agent.generates()

    jobs = agent.post(on.TaskLost(task, AbandonReason.CANCELLED))

    assert jobs == [("abandon", task, AbandonReason.CANCELLED), ("interrupt", task)]


def test_a_heartbeat_that_meets_the_commit_is_no_loss(agent: Agent) -> None:
    task = agent.generates()
    task.outcome = Outcome(Status.COMPLETED)
    agent.post(generated(task, {}), on.StageDone("store", task))

    assert agent.post(on.TaskLost(task, AbandonReason.CANCELLED)) == []
    assert not task.aborted.is_set()


def test_a_cancel_that_meets_the_upload_counts(agent: Agent) -> None:
    task = agent.generates()
    agent.post(generated(task, {}))

    assert agent.post(on.TaskLost(task, AbandonReason.CANCELLED)) == [("abandon", task, AbandonReason.CANCELLED)]
    task.outcome = Outcome(Status.COMPLETED)
    assert agent.post(on.StageDone("store", task)) == []


@pytest.mark.parametrize("completion", [on.StopRequested(), on.MachineUnfit(ExitCode.STOPPED)])
def test_a_task_completes_once(agent: Agent, completion: on.Event) -> None:
    task = agent.generates()
    task.outcome = Outcome(Status.COMPLETED)
    agent.post(generated(task, {}), on.StageDone("store", task))

    assert agent.post(completion, on.StageFailed("generate", task, WebUiFailed("late"))) == [("await_engine",)]
    assert agent.advance(15.0) == []


def test_a_lease_that_is_over_ends_a_task(agent: Agent) -> None:
    task = agent.generates()
    task.lease_until = agent.clock.seconds + 1
    assert ("abandon", task, AbandonReason.LEASE_EXPIRED) in agent.advance(1.0)


def test_a_time_limit_ends_and_interrupts_a_task_with_the_next_tick(agent: Agent) -> None:
    task = agent.generates()
    limit_seconds = task.metadata.policy.execution_timeout_ms / 1000

    jobs = agent.advance(limit_seconds - TICK_SECONDS)
    assert [job[0] for job in jobs] == ["check_leases"]

    assert agent.advance(TICK_SECONDS) == [("finish", task, "execution_timeout"), ("interrupt", task)]


def test_stop_hands_back_what_has_not_begun_and_waits_for_the_rest(agent: Agent) -> None:
    running = agent.generates("a")
    waiting = agent.claims(held_task("b"))

    assert agent.post(on.StopRequested()) == [("release", waiting, None)]
    assert waiting.completion == Release(reason="the agent stops")
    requested = agent.poller.requested
    late = held_task("c")
    assert agent.post(on.MessagesReceived((late.message,))) == [("requeue", late.message, 0)]
    assert agent.poller.requested == requested
    assert ("release", running, None) in agent.advance(15.0)


def test_a_claim_that_comes_back_after_the_stop_is_handed_back(agent: Agent) -> None:
    task = held_task()
    task.phase = TaskPhase.PREPARING
    agent.post(on.MessagesReceived((task.message,)), on.StopRequested())

    assert agent.post(on.MessageHandled(task)) == [("release", task, None)]


def test_a_second_signal_hurries(agent: Agent) -> None:
    task = agent.generates()
    agent.post(on.StopRequested())

    assert agent.post(on.StopRequested()) == [("release", task, None), ("interrupt", task)]


def test_the_first_signal_after_a_notice_of_the_machines_end_does_not_hurry(agent: Agent) -> None:
    task = agent.generates()
    agent.post(on.MachineUnfit(ExitCode.STOPPED))

    assert ("release", task, None) not in agent.post(on.StopRequested())
    assert ("release", task, None) in agent.post(on.StopRequested())


def test_the_loop_ends_when_everything_is_settled(agent: Agent) -> None:
    agent.events.put(on.StopRequested())
    agent.events.put(on.MessagesReceived(()))

    assert agent.loop.run() == ExitCode.STOPPED


def test_a_wrong_clock_ends_the_loop_with_its_own_code(agent: Agent) -> None:
    agent.events.put(on.MachineUnfit(ExitCode.CLOCK_WRONG))
    agent.events.put(on.MessagesReceived(()))

    assert agent.loop.run() == ExitCode.CLOCK_WRONG


def test_a_task_that_waits_is_looked_at_often_enough_to_notice_its_cancel_within_two_seconds(agent: Agent) -> None:
    agent.generates("a"), agent.generates("b")
    waiting = agent.claims(held_task("c"))
    agent.post(agent.prepared(waiting, GENERATION))

    # What is left of the two seconds is for the loop's tick and AWS's answer.
    jobs = agent.advance(2.0 - TICK_SECONDS - 0.3)

    [checked] = [job[1] for job in jobs if job[0] == "check_leases"]
    assert waiting in checked
    assert agent.post(on.TaskLost(waiting, AbandonReason.CANCELLED)) == [("abandon", waiting, AbandonReason.CANCELLED)]


def test_another_message_of_a_held_task_is_kept_with_it(agent: Agent) -> None:
    task = agent.generates()
    again, duplicate = received(message_id="cat"), received(message_id="m-2")

    agent.post(on.TaskRedelivered(task.key, again), on.TaskRedelivered(task.key, duplicate))

    assert task.message is again
    assert task.duplicates == [duplicate]
    unknown = received(message_id="m-3")
    assert agent.post(on.TaskRedelivered(("unknown", "0000"), unknown))[0][0] == "requeue"


def test_a_run_that_is_claimed_again_before_its_loss_is_written_is_held(agent: Agent) -> None:
    lost = agent.generates("cat")
    agent.post(on.TaskLost(lost, AbandonReason.MESSAGE_LOST))
    again = agent.claims(held_task("cat"))
    agent.post(TaskEnded(lost))

    again.lease_until = agent.clock.seconds
    assert ("abandon", again, AbandonReason.LEASE_EXPIRED) in agent.advance(1.0)


def test_a_dead_thread_ends_the_agent(agent: Agent) -> None:
    agent.events.put(ThreadFailed("keeper", RuntimeError("bug")))
    agent.events.put(on.MessagesReceived(()))

    assert agent.loop.run() == ExitCode.INTERNAL_ERROR


def test_errors_of_tasks_say_whether_they_may_be_tried_again() -> None:
    assert issubclass(WebUiFailed, DarkroomError)
    assert WebUiFailed.retryable
    assert not WebUiRefused.retryable
