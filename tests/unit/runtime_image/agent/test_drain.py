"""Drain by SIGUSR1: an end between two tasks."""

from runtime_image.agent.core import events as on
from runtime_image.agent.core.completion import AbandonReason
from runtime_image.process.exit_codes import ExitCode
from runtime_image.webui.errors import WebUiFailed
from tests.unit.runtime_image.agent.agent_loop import Agent, TaskEnded, failed, generated
from tests.unit.runtime_image.agent.tasks import held_task

#: Longer than the grace period of the loop under test.
LONG_SECONDS = 21.0


def test_a_drain_lets_what_runs_take_its_time_and_hands_the_rest_back() -> None:
    agent = Agent()
    running, waiting = agent.generates("a"), agent.claims(held_task("b"))

    assert agent.post(on.StopRequested(is_drain=True)) == [("release", waiting, None)]
    assert ("release", running, None) not in agent.advance(LONG_SECONDS)
    agent.post(generated(running, {}), TaskEnded(running), TaskEnded(waiting), on.MessagesReceived(()))

    assert agent.loop.run() == ExitCode.STOPPED


def test_a_signal_in_a_drain_begins_the_grace_period() -> None:
    agent = Agent()
    running = agent.generates("a")
    agent.post(on.StopRequested(is_drain=True))
    agent.advance(LONG_SECONDS)

    assert ("release", running, None) not in agent.post(on.StopRequested())
    assert ("release", running, None) in agent.advance(LONG_SECONDS)


def test_a_drain_after_a_signal_gives_no_more_time() -> None:
    agent = Agent()
    running = agent.generates("a")
    agent.post(on.StopRequested(), on.StopRequested(is_drain=True))

    assert ("release", running, None) in agent.advance(LONG_SECONDS)


def test_what_may_have_been_cut_goes_back_in_a_drain() -> None:
    agent = Agent()
    cancelled, cut = agent.generates("a"), agent.generates("b")
    agent.post(on.TaskLost(cancelled, AbandonReason.CANCELLED), on.InterruptSent(cancelled))
    agent.post(generated(cancelled, {}), TaskEnded(cancelled), on.StopRequested(is_drain=True))

    assert agent.post(generated(cut, {"images": [1]})) == [("release", cut, None)]


def test_a_web_ui_in_trouble_ends_no_drain_early() -> None:
    agent = Agent()
    broken, running = agent.generates("a"), agent.generates("b")
    agent.post(failed(broken, WebUiFailed("500")), TaskEnded(broken), on.StopRequested(is_drain=True))

    # The agent no longer waits for the Web UI once it stops.
    agent.post(on.EngineNotReady())

    assert ("release", running, None) not in agent.advance(LONG_SECONDS)
