"""A Web UI that crashes, cuts connections or answers garbage; and interrupts in the very moment of an end."""

import time
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from contract.record import Status
from stub_webui.server import serve_stub
from stub_webui.web_ui import StubWebUi
from tests.integration.agent.conftest import World


@pytest.mark.parametrize(
    "reply",
    [
        (200, b"not json"),
        (200, {"images": []}),
        (200, {"images": ["bm8gcGljdHVyZQ=="]}),
        (200, []),
        (500, b"Internal Server Error"),
        (500, {"error": "RuntimeError", "detail": "", "body": "", "errors": "CUDA error: launch failure"}),
        (404, {"detail": "Not Found"}),
    ],
)
def test_a_bad_answer_hands_the_task_back(world: World, reply: tuple[int, Any]) -> None:
    world.webui.intercept = lambda path, _body: reply if path.endswith("txt2img") else None
    agent = world.start_agent()
    world.submit("unlucky")

    world.eventually(lambda: world.read("unlucky").last_error, "the hand-back")

    assert world.read("unlucky").status is Status.IN_QUEUE
    assert agent.process.poll() is None


def test_a_cut_connection_does_not_start_a_second_run_before_the_first_has_ended(world: World) -> None:
    world.start_agent()
    world.submit("cut", {"prompt": "cut", "steps": 60})
    world.eventually(lambda: world.webui.runs, "the generation")

    world.webui.cut_connections()
    world.eventually(lambda: world.read("cut").last_error, "the hand-back")
    world.submit("next", {"prompt": "next", "steps": 1})
    world.wait_for("next", Status.COMPLETED)

    first, following = world.webui.runs[:2]
    assert following.started_at > first.ended_at
    assert world.wait_for("cut", Status.COMPLETED).attempts == 2


def test_what_a_cut_connection_left_running_has_ended_before_another_agent_begins(world: World) -> None:
    world.webui.seconds_per_step = 0.1
    other = StubWebUi()
    world.start_agent()
    world.submit("cut", {"prompt": "cut", "steps": 200})
    world.eventually(lambda: world.webui.runs, "the generation")
    with serve_stub(other) as url:
        world.start_agent(WEBUI_URL=url)

        world.webui.cut_connections()
        world.eventually(lambda: len(world.webui.runs) + len(other.runs) > 1, "the next generation")

        first, again = [*world.webui.runs, *other.runs][:2]
        assert first.interrupted
        assert again.started_at > first.ended_at
        world.webui.seconds_per_step = 0.001
        world.wait_for("cut", Status.COMPLETED)


def test_a_web_ui_that_is_not_there_any_more_costs_a_delivery_and_no_picture(world: World) -> None:
    webui = StubWebUi()
    with serve_stub(webui) as url:
        agent = world.start_agent(WEBUI_URL=url)
        world.submit("warm-up", {"prompt": "warm-up", "steps": 1})
        world.wait_for("warm-up", Status.COMPLETED)
    world.submit("refused", {"prompt": "refused", "steps": 1})

    assert world.wait_for_hand_back("refused")["code"] == "webui_unreachable"
    with serve_stub(webui, int(url.rpartition(":")[2])):
        assert world.wait_for("refused", Status.COMPLETED).attempts == 2
    assert len(webui.runs_of("refused")) == 1
    assert agent.process.poll() is None


def test_an_answer_that_breaks_off_is_no_picture_and_is_generated_again(world: World) -> None:
    world.webui.broken_answers = 1
    world.start_agent()
    world.submit("half", {"prompt": "half", "steps": 5})

    error = world.wait_for_hand_back("half")
    assert error["code"] == "webui_unreachable"
    assert "IncompleteRead" in error["message"]
    assert world.outputs() == {}

    assert world.wait_for("half", Status.COMPLETED).attempts == 2
    first, second = world.webui.runs_of("half")
    assert second.started_at > first.ended_at
    assert len(world.outputs()) == 2


def test_an_interrupt_in_the_moment_of_the_end_cuts_nobody_else(world: World) -> None:
    world.webui.seconds_per_step, world.webui.encoding_seconds = 0.01, 0.03
    world.start_agent()
    world.submit("warm-up", {"prompt": "warm-up", "steps": 30})
    world.wait_for("warm-up", Status.COMPLETED)

    for number in range(5):
        doomed, following = f"doomed-{number}", f"next-{number}"
        world.submit(doomed, {"prompt": doomed, "steps": 110})
        world.submit(following, {"prompt": following, "steps": 30})
        world.eventually(partial(world.webui.runs_of, doomed), "the generation")
        # The cancel is noticed at some moment of the following second, in which the generation ends.
        time.sleep(0.12 * number)
        with suppress(world.table.exceptions.ConditionalCheckFailedException):
            # It may be completed by now.
            world.cancel(doomed)
        record = world.wait_for(following, Status.COMPLETED)
        runs = world.webui.runs_of(following)
        assert not runs[-1].interrupted, (number, record)
    world.wait_until_queue_is_empty()


def test_an_interrupted_task_completes_with_what_there_is_of_it_and_the_next_is_whole(world: World) -> None:
    world.start_agent()
    world.submit("enough", {"prompt": "enough", "steps": 2000})
    world.eventually(lambda: world.webui.runs, "the generation")

    world.interrupt("enough")
    world.submit("next", {"prompt": "next", "steps": 1})

    assert len(world.wait_for("enough", Status.COMPLETED).image_urls) == 1
    assert world.webui.runs_of("enough")[-1].interrupted
    world.wait_for("next", Status.COMPLETED)
    assert not world.webui.runs_of("next")[-1].interrupted


def test_a_refusal_of_the_webui_is_on_the_record_word_for_word(world: World) -> None:
    body = {"error": "HTTPException", "detail": "Script 'x' not found", "body": "", "errors": ""}
    world.webui.intercept = lambda path, _body: (422, body) if path.endswith("txt2img") else None
    world.start_agent()
    world.submit("refused")

    record = world.wait_for("refused", Status.FAILED)

    assert record.error is not None
    assert record.error["webui"] == {"status": 422, "body": body}
