"""Progress of waiting tasks on a terminal and in a pipe, and the arrival of a published task."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from cli.errors import Refused
from cli.waiting import Arrival, show_until_the_end
from darkroom import Client, TaskSnapshot
from darkroom.http_exchange import HttpReply
from tests.harness.eventually import eventually
from tests.unit.darkroom.fake_transport import FakeTransport, SleepingClock, answer, refusal, task

#: Seconds for a bar to be drawn on a busy machine.
DEADLINE_SECONDS = 60
MISSING = refusal(404, "task_not_found")
OLDER = answer(task("COMPLETED", submitted_at="2026-11-20T09:00:00.000Z"))
NEWER = answer(task("IN_QUEUE", submitted_at="2026-11-20T10:00:00.000Z"))


def seen(status: str, **changed: Any) -> TaskSnapshot:
    return TaskSnapshot.of(task(status, **changed))


def test_the_final_states_are_returned_and_reported() -> None:
    changes = [seen("IN_QUEUE"), seen("COMPLETED"), seen("IN_QUEUE", task_id="b"), seen("FAILED", task_id="b")]
    reported: list[str] = []
    ended = show_until_the_end(changes, console=Console(quiet=True), on_end=lambda task: reported.append(task.id))
    assert {task_id: found.status for task_id, found in ended.items()} == {"a": "COMPLETED", "b": "FAILED"}
    assert reported == ["a", "b"]


def expect_on_a_terminal(text: str, change: TaskSnapshot) -> None:
    screen = StringIO()

    def changes() -> Iterator[TaskSnapshot]:
        yield change
        # The bars are drawn again several times a second.
        eventually(lambda: text in screen.getvalue(), f"a bar with {text}", DEADLINE_SECONDS)
        yield seen("COMPLETED")

    show_until_the_end(changes(), console=Console(file=screen, force_terminal=True, width=200))


@pytest.mark.parametrize(
    ("sampling", "text"),
    [
        (None, "IN_PROGRESS"),
        ({"sampling_step": 0}, "IN_PROGRESS step 0"),
        ({"sampling_step": 12, "sampling_steps": 30, "job_no": 0, "job_count": 1}, "IN_PROGRESS step 12/30"),
        (
            {"sampling_step": 2, "sampling_steps": 9, "job_no": 1, "job_count": 2},
            "IN_PROGRESS step 2/9, part 2/2",
        ),
    ],
)
def test_steps_are_shown_as_far_as_they_are_known(sampling: dict[str, int] | None, text: str) -> None:
    expect_on_a_terminal(f"{text} ", seen("IN_PROGRESS", sampling=sampling))


def test_models_on_their_way_are_shown() -> None:
    models = {"bytes": 6_938_040_682, "bytes_done": 1_811_939_328}
    expect_on_a_terminal("IN_PROGRESS models 1.8/6.9 GB ", seen("IN_PROGRESS", models=models))


def test_a_pipe_gets_a_line_for_each_change() -> None:
    screen = StringIO()
    changes = [seen("IN_QUEUE", queue_position=7), seen("IN_PROGRESS", sampling={"sampling_step": 3}), seen("FAILED")]
    show_until_the_end(changes, console=Console(file=screen, width=20))
    assert screen.getvalue().splitlines() == [
        "a:  50% IN_QUEUE place 7",
        "a:  50% IN_PROGRESS step 3",
        "a: 100% FAILED",
    ]


def arrival(clock: SleepingClock, *answers: HttpReply) -> Arrival:
    client = Client("http://a.example", "key", transport=FakeTransport(*answers), clock=clock, sleep=clock.sleep)
    return Arrival(client=client, task_id="a", clock=clock, sleep=clock.sleep)


@pytest.mark.parametrize("before", [MISSING, OLDER])
def test_a_published_task_is_not_taken_for_its_older_run(before: HttpReply) -> None:
    clock = SleepingClock()
    arrival(clock, before, before, before, NEWER).wait()
    assert len(clock.pauses) == 2


def test_a_published_task_that_never_arrives_is_explained() -> None:
    with pytest.raises(Refused, match="answered by a callback"):
        arrival(SleepingClock(), MISSING).wait()
