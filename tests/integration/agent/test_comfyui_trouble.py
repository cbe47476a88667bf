"""Agent with a ComfyUI that ends, lags, hangs or was left at work by an earlier agent."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from contract.record import Status
from lambdas.tasks.outcomes import lost
from stub_webui.journal import GenerationStep
from stub_webui.web_ui import StubWebUi
from tests.harness.serving import serving
from tests.harness.small_comfyui import SmallComfyUi
from tests.integration.agent.comfyui import PATIENCE_SECONDS, ComfyUiHarness, serve_comfyui, workflow
from tests.integration.agent.harness import stopping

Start = Callable[..., ComfyUiHarness]


@pytest.fixture
def start(aws_endpoint: str, tmp_path: Path) -> Iterator[Start]:
    """Start a ComfyUI with faults, and everything around an agent."""
    with ExitStack() as stack:

        def start(*options: str) -> ComfyUiHarness:
            comfyui = stack.enter_context(serve_comfyui(tmp_path / "comfyui", "--stub-seconds", "0.02", *options))
            webui = StubWebUi(settings_file=tmp_path / "config.json")
            return stack.enter_context(stopping(ComfyUiHarness(aws_endpoint, tmp_path, webui, comfyui=comfyui)))

        yield start


def begin(harness: ComfyUiHarness, task_id: str) -> None:
    """Send a long workflow, and wait until ComfyUI works on it."""
    acquired = harness.comfyui.count(GenerationStep.ACQUIRED)
    harness.submit_workflow(task_id, workflow(task_id, steps=5000))
    harness.eventually(
        lambda: harness.comfyui.count(GenerationStep.ACQUIRED) > acquired, f"{task_id} running", PATIENCE_SECONDS
    )


@pytest.mark.slow
def test_a_comfyui_that_ends_costs_the_running_workflow_one_delivery_and_the_waiting_one_none(start: Start) -> None:
    harness = start()
    harness.start_agent(VISIBILITY_TIMEOUT_SECONDS=60)
    harness.submit_workflow("first")
    harness.completed("first")
    begin(harness, "running")
    harness.submit_workflow("waiting")
    harness.eventually(lambda: harness.comfyui.ask("/queue")["queue_pending"], "a second prompt", PATIENCE_SECONDS)

    harness.comfyui.kill()
    assert harness.wait_for_release("running")["code"] == "comfyui_failed"
    acquired = harness.comfyui.count(GenerationStep.ACQUIRED)
    harness.comfyui.start()
    assert harness.completed("waiting").attempts == 1

    harness.eventually(
        lambda: harness.comfyui.count(GenerationStep.ACQUIRED) == acquired + 2, "the second attempt", PATIENCE_SECONDS
    )
    # The second end in a row under the same workflow: it may be the cause.
    harness.comfyui.kill()
    error = harness.failed("running")
    assert error["code"] == "comfyui_failed"
    assert harness.read("running").attempts == 2


@pytest.mark.slow
def test_a_stopped_agent_hands_its_workflow_back_and_the_next_one_finds_an_idle_comfyui(start: Start) -> None:
    harness = start()
    agent = harness.start_agent()
    begin(harness, "long")

    agent.stop()
    harness.eventually(lambda: harness.read("long").status is Status.IN_QUEUE, "the release", PATIENCE_SECONDS)
    harness.eventually(lambda: not harness.comfyui.is_running(), "the prompt being cancelled", PATIENCE_SECONDS)


@pytest.mark.slow
def test_an_agent_that_was_killed_leaves_no_prompt_and_no_file(start: Start) -> None:
    harness = start()
    agent = harness.start_agent_process(VISIBILITY_TIMEOUT_SECONDS=5)
    begin(harness, "long")
    agent.kill()
    assert harness.comfyui.is_running()
    # Otherwise its second attempt may come before the next task.
    harness.cancel("long")
    leftover = harness.comfyui.folder("output") / f"gone-{'0' * 16}" / "x.png"
    leftover.parent.mkdir()
    leftover.touch()

    harness.start_agent()
    harness.submit_workflow("next")
    harness.completed("next")
    assert not leftover.exists()


@pytest.mark.slow
def test_a_history_that_lags_behind_the_messages_is_awaited(start: Start) -> None:
    harness = start("--fault", "slow-history")
    harness.start_agent()
    for name in ("first", "second"):
        harness.submit_workflow(name)
    for name in ("first", "second"):
        record = harness.completed(name)
        assert len(record.image_urls) == 1
        assert harness.response(record)["outputs"]["9"]["images"][0]["n"] == 1


@pytest.mark.slow
def test_a_comfyui_that_shows_no_progress_is_given_up(start: Start) -> None:
    harness = start("--fault", "hang")
    agent = harness.start_agent(HANG_SECONDS=0.5)
    harness.submit_workflow("stuck")

    assert harness.wait_for_release("stuck")["code"] == "comfyui_hung"
    assert agent.exit_code(PATIENCE_SECONDS) != 0


@pytest.mark.slow
def test_a_workflow_without_an_answer_keeps_that_error_for_its_end(start: Start) -> None:
    harness = start()
    with serving(SmallComfyUi()) as mute:
        mute.answers["/prompt"] = None
        harness.start_agent(COMFYUI_URL=f"http://127.0.0.1:{mute.server_port}")
        harness.submit_workflow("unheard")

        error = harness.wait_for_release("unheard")

    assert error["code"] == "comfyui_unreachable"
    assert "POST /prompt" in error["message"]
    # The dead-letter queue and the reaper end a task with the error of its last attempt.
    assert lost(harness.read("unheard")).error == error
