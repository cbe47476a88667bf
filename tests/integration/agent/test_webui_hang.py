"""A Web UI that stands still with a request of ours, over real HTTP; and work that is slow and moves."""

import threading

from contract.record import Status
from runtime_image.process.exit_codes import ExitCode
from tests.integration.agent.conftest import World


def test_a_hanging_web_ui_gives_its_task_back_and_is_given_up(world: World) -> None:
    world.webui.hangs = lambda run, step: run.prompt == "stuck" and step == 3
    agent = world.start_agent(HANG_SECONDS=3)
    world.submit("warm-up", {"prompt": "warm-up", "steps": 1})
    world.wait_for("warm-up", Status.COMPLETED)
    world.submit("stuck", {"prompt": "stuck", "steps": 9})
    # A queue keeps no order: the others must not come before it.
    world.eventually(lambda: world.webui.runs_of("stuck"), "the generation")
    for name in ("behind", "ahead"):
        world.submit(name, {"prompt": name, "steps": 9})

    error = world.wait_for_hand_back("stuck")

    assert error["code"] == "webui_hung"
    assert "at step 3" in error["message"]
    assert agent.exit_code(20) == ExitCode.WEBUI_UNHEALTHY
    # An interrupt was tried, and the others are somebody else's now.
    assert world.webui.interrupts
    assert {world.read(name).status for name in ("behind", "ahead")} == {Status.IN_QUEUE}
    assert sum(world.counts()) == 3
    world.webui.hangs = lambda _run, _step: False


def test_one_that_does_not_even_answer_is_given_up_too(world: World) -> None:
    release = threading.Event()
    agent = world.start_agent(HANG_SECONDS=3, GRACE_PERIOD_SECONDS=4)
    world.submit("warm-up", {"prompt": "warm-up", "steps": 1})
    world.wait_for("warm-up", Status.COMPLETED)
    world.webui.intercept = lambda _path, _body: (release.wait(60), None)[1]
    world.submit("silent", {"prompt": "silent", "steps": 9})

    assert world.wait_for_hand_back("silent")["code"] == "webui_hung"
    assert agent.exit_code(20) == ExitCode.WEBUI_UNHEALTHY
    release.set()


def test_a_long_generation_that_moves_is_left_alone_and_tells_its_steps(world: World) -> None:
    """It takes three times as long as the Web UI may stand still."""
    world.webui.seconds_per_step = 0.3
    agent = world.start_agent(HANG_SECONDS=2)
    world.submit("long", {"prompt": "long", "steps": 20})

    def reported() -> dict[str, int] | None:
        sampling = world.read("long").sampling
        return sampling if sampling and "sampling_steps" in sampling else None

    sampling = world.eventually(reported, "steps in the record")
    assert sampling["sampling_steps"] == 20
    assert 0 < sampling["sampling_step"] < 20
    assert (sampling["job_no"], sampling["job_count"]) == (0, 1)
    assert world.read("long").progress_permille > 0

    record = world.wait_for("long", Status.COMPLETED)

    assert (record.attempts, record.progress_permille, record.sampling) == (1, 1000, None)
    assert not world.webui.interrupts
    assert agent.process.poll() is None
