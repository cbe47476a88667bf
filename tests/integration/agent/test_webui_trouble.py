"""A Web UI that crashes, cuts connections or answers garbage; and interrupts in the very moment of an end."""

import time
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from contract.record import Status
from stub_webui.png_images import plain_png
from stub_webui.server import serve_stub
from stub_webui.web_ui import StubWebUi
from tests.integration.agent.harness import Harness


@pytest.mark.parametrize(
    "reply",
    [
        (200, b"not json"),
        (200, {"images": []}),
        (200, {"images": ["bm8gcGljdHVyZQ=="]}),
        (200, []),
        (502, b"Bad Gateway"),
        (404, {"detail": "Not Found"}),
    ],
)
def test_a_bad_answer_hands_the_task_back(harness: Harness, reply: tuple[int, Any]) -> None:
    harness.webui.intercept = lambda path, _body: reply if path.endswith("txt2img") else None
    agent = harness.start_agent()
    harness.submit("unlucky")

    harness.eventually(lambda: harness.read("unlucky").last_error, "the hand-back")

    assert harness.read("unlucky").status is Status.IN_QUEUE
    assert agent.is_running


def test_a_cut_connection_does_not_start_a_second_run_before_the_first_has_ended(harness: Harness) -> None:
    harness.start_agent()
    harness.submit("cut", {"prompt": "cut", "steps": 60})
    harness.eventually(lambda: harness.webui.runs, "the generation")

    harness.webui.cut_connections()
    harness.eventually(lambda: harness.read("cut").last_error, "the hand-back")
    harness.submit("next", {"prompt": "next", "steps": 1})
    harness.wait_for("next", Status.COMPLETED)

    first, following = harness.webui.runs[:2]
    assert following.started_at > first.ended_at
    assert harness.wait_for("cut", Status.COMPLETED).attempts == 2


def test_what_a_cut_connection_left_running_has_ended_before_another_agent_begins(harness: Harness) -> None:
    harness.webui.seconds_per_step = 0.1
    other = StubWebUi()
    harness.start_agent()
    harness.submit("cut", {"prompt": "cut", "steps": 200})
    harness.eventually(lambda: harness.webui.runs, "the generation")
    with serve_stub(other) as url:
        harness.start_agent(WEBUI_URL=url)

        harness.webui.cut_connections()
        harness.eventually(lambda: len(harness.webui.runs) + len(other.runs) > 1, "the next generation")

        first, again = [*harness.webui.runs, *other.runs][:2]
        assert first.interrupted
        assert again.started_at > first.ended_at
        harness.webui.seconds_per_step = 0.001
        harness.wait_for("cut", Status.COMPLETED)


def test_a_web_ui_that_is_not_there_any_more_costs_neither_a_delivery_nor_a_picture(harness: Harness) -> None:
    webui = StubWebUi()
    with serve_stub(webui) as url:
        agent = harness.start_agent(WEBUI_URL=url)
        harness.submit("warm-up", {"prompt": "warm-up", "steps": 1})
        harness.wait_for("warm-up", Status.COMPLETED)
    harness.submit("patient", {"prompt": "patient", "steps": 1})

    harness.eventually(lambda: agent.logged("engine_failed", task_id="patient"), "the failure")
    with serve_stub(webui, int(url.rpartition(":")[2])):
        assert harness.wait_for("patient", Status.COMPLETED).attempts == 1
    assert harness.read("patient").last_error is None
    assert len(webui.runs_of("patient")) == 1
    assert agent.is_running


def test_an_answer_that_breaks_off_is_no_picture_and_is_generated_again(harness: Harness) -> None:
    harness.webui.broken_answers = 1
    harness.start_agent()
    harness.submit("half", {"prompt": "half", "steps": 5})

    error = harness.wait_for_release("half")
    assert error["code"] == "webui_unreachable"
    assert "IncompleteRead" in error["message"]
    assert harness.outputs() == {}

    assert harness.wait_for("half", Status.COMPLETED).attempts == 2
    first, second = harness.webui.runs_of("half")
    assert second.started_at > first.ended_at
    assert len(harness.outputs()) == 3


def test_tasks_at_the_same_time_get_their_own_pictures_although_answers_break_off(harness: Harness) -> None:
    harness.webui.broken_answers = 2
    harness.start_agent()
    names = [f"task-{number}" for number in range(6)]
    for name in names:
        harness.submit(name, {"prompt": f"prompt of {name}", "steps": 2, "batch_size": 2})

    records = [harness.wait_for(name, Status.COMPLETED) for name in names]

    assert sorted(record.attempts for record in records) == [1, 1, 1, 1, 2, 2]
    outputs = harness.outputs()
    for record in records:
        keys = [url.removeprefix(f"s3://{harness.output_bucket}/") for url in record.image_urls]
        assert [outputs[key] for key in keys] == [plain_png(f"prompt of {record.id}")] * 2


def test_an_interrupt_in_the_moment_of_the_end_cuts_nobody_else(harness: Harness) -> None:
    harness.webui.seconds_per_step, harness.webui.encoding_seconds = 0.01, 0.03
    harness.start_agent()
    harness.submit("warm-up", {"prompt": "warm-up", "steps": 30})
    harness.wait_for("warm-up", Status.COMPLETED)

    for number in range(5):
        doomed, following = f"doomed-{number}", f"next-{number}"
        harness.submit(doomed, {"prompt": doomed, "steps": 110})
        harness.submit(following, {"prompt": following, "steps": 30})
        harness.eventually(partial(harness.webui.runs_of, doomed), "the generation")
        # The cancel is noticed at some moment of the following second, in which the generation ends.
        time.sleep(0.12 * number)
        with suppress(harness.table.exceptions.ConditionalCheckFailedException):
            # It may be completed by now.
            harness.cancel(doomed)
        record = harness.wait_for(following, Status.COMPLETED)
        runs = harness.webui.runs_of(following)
        assert not runs[-1].interrupted, (number, record)
    harness.wait_until_queue_is_empty()


def test_an_interrupted_task_completes_with_what_there_is_of_it_and_the_next_is_whole(harness: Harness) -> None:
    harness.start_agent()
    harness.submit("enough", {"prompt": "enough", "steps": 2000})
    harness.eventually(lambda: harness.webui.runs, "the generation")

    harness.interrupt("enough")
    harness.submit("next", {"prompt": "next", "steps": 1})

    assert len(harness.wait_for("enough", Status.COMPLETED).image_urls) == 1
    assert harness.webui.runs_of("enough")[-1].interrupted
    harness.wait_for("next", Status.COMPLETED)
    assert not harness.webui.runs_of("next")[-1].interrupted


def test_a_refusal_of_the_webui_is_on_the_record_word_for_word(harness: Harness) -> None:
    body = {"error": "HTTPException", "detail": "Script 'x' not found", "body": "", "errors": ""}
    harness.webui.intercept = lambda path, _body: (422, body) if path.endswith("txt2img") else None
    harness.start_agent()
    harness.submit("refused")

    record = harness.wait_for("refused", Status.FAILED)

    assert record.error is not None
    assert record.error["webui"] == {"status": 422, "body": body}
