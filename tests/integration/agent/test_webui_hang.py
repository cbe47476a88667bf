"""A Web UI without progress on a request, over real HTTP, and slow work with progress."""

import threading
from typing import Any

from contract.record import Status
from runtime_image.process.exit_codes import ExitCode
from tests.integration.agent.harness import Harness


def test_a_hanging_web_ui_gives_its_task_back_and_is_given_up(harness: Harness) -> None:
    harness.webui.hangs = lambda run, step: run.prompt == "stuck" and step == 3
    agent = harness.start_agent(HANG_SECONDS=3)
    harness.submit("warm-up", {"prompt": "warm-up", "steps": 1})
    harness.wait_for("warm-up", Status.COMPLETED)
    harness.submit("stuck", {"prompt": "stuck", "steps": 9})
    # A queue keeps no order: the others must not come before it.
    harness.eventually(lambda: harness.webui.runs_of("stuck"), "the generation")
    for name in ("behind", "ahead"):
        harness.submit(name, {"prompt": name, "steps": 9})

    error = harness.wait_for_release("stuck")

    assert error["code"] == "webui_hung"
    assert "at step 3" in error["message"]
    assert agent.exit_code(20) == ExitCode.WEBUI_UNHEALTHY
    # An interrupt was tried, and the others are somebody else's now.
    assert harness.webui.interrupts
    assert {harness.read(name).status for name in ("behind", "ahead")} == {Status.IN_QUEUE}
    assert sum(harness.counts()) == 3
    harness.webui.hangs = lambda _run, _step: False


def test_one_that_does_not_even_answer_is_given_up_too(harness: Harness) -> None:
    release = threading.Event()
    agent = harness.start_agent(HANG_SECONDS=3, GRACE_PERIOD_SECONDS=4)
    harness.submit("warm-up", {"prompt": "warm-up", "steps": 1})
    harness.wait_for("warm-up", Status.COMPLETED)
    harness.webui.intercept = lambda _path, _body: (release.wait(60), None)[1]
    harness.submit("silent", {"prompt": "silent", "steps": 9})

    assert harness.wait_for_release("silent")["code"] == "webui_hung"
    assert agent.exit_code(20) == ExitCode.WEBUI_UNHEALTHY
    release.set()


def test_a_long_generation_that_moves_is_left_alone_and_tells_its_steps(harness: Harness) -> None:
    """It lasts three times the limit for no progress."""
    harness.webui.seconds_per_step = 0.3
    agent = harness.start_agent(HANG_SECONDS=2)
    harness.submit("long", {"prompt": "long", "steps": 20})

    def reported() -> dict[str, Any] | None:
        sampling = harness.read("long").sampling
        return sampling if sampling and "sampling_steps" in sampling else None

    sampling = harness.eventually(reported, "steps in the record")
    assert sampling["sampling_steps"] == 20
    assert 0 < sampling["sampling_step"] < 20
    assert (sampling["job_no"], sampling["job_count"]) == (0, 1)
    assert harness.read("long").progress_permille > 0

    record = harness.wait_for("long", Status.COMPLETED)

    assert (record.attempts, record.progress_permille, record.sampling) == (1, 1000, None)
    assert not harness.webui.interrupts
    assert agent.is_running
