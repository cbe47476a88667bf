import time
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from cli.errors import NoSuchTask, Refused, WaitedTooLong
from cli.waiting import NewRun, wait_for_tasks


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Api:
    """Answers with one task after the other; None means 404."""

    def __init__(self, *answers: dict[str, Any] | None) -> None:
        self._answers = list(answers)

    def task(self, task_id: str) -> dict[str, Any]:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if answer is None:
            raise NoSuchTask(task_id)
        return answer


def seen(status: str, submitted_at: str = "1") -> dict[str, Any]:
    return {"status": status, "progress": 0.5, "submitted_at": submitted_at}


def wait(read_task: Any, *task_ids: str, clock: Clock | None = None, timeout_seconds: float = 60) -> dict[str, Any]:
    clock = clock or Clock()
    return wait_for_tasks(
        task_ids,
        read_task=read_task,
        timeout_seconds=timeout_seconds,
        console=Console(quiet=True),
        sleep=clock.sleep,
        clock=clock,
    )


def test_all_tasks_are_waited_for() -> None:
    apis = {
        "a": Api(seen("IN_QUEUE"), seen("COMPLETED")),
        "b": Api(seen("IN_QUEUE"), seen("IN_QUEUE"), seen("IN_PROGRESS"), seen("FAILED")),
    }
    ended = wait(lambda task_id: apis[task_id].task(task_id), "a", "b", "a")
    assert {task_id: task["status"] for task_id, task in ended.items()} == {"a": "COMPLETED", "b": "FAILED"}


def shown_while_waiting(api: Api) -> str:
    screen = StringIO()
    wait_for_tasks(
        ["a"],
        read_task=api.task,
        timeout_seconds=60,
        console=Console(file=screen, force_terminal=True, width=200),
        sleep=lambda _: time.sleep(0.2),
    )
    return screen.getvalue()


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
    api = Api(seen("IN_PROGRESS") | {"sampling": sampling}, seen("COMPLETED"))
    assert f"{text} " in shown_while_waiting(api)


def test_models_on_their_way_are_shown() -> None:
    api = Api(
        seen("IN_PROGRESS") | {"models": {"bytes": 6_938_040_682, "bytes_done": 1_811_939_328}}, seen("COMPLETED")
    )
    assert "IN_PROGRESS models 1.8/6.9 GB " in shown_while_waiting(api)


def test_those_still_active_are_named() -> None:
    apis = {"a": Api(seen("COMPLETED")), "b": Api(seen("IN_QUEUE"))}
    with pytest.raises(WaitedTooLong, match="still active after 3 s: b"):
        wait(lambda task_id: apis[task_id].task(task_id), "a", "b", timeout_seconds=3)


@pytest.mark.parametrize("before", [None, seen("COMPLETED", "1")])
def test_a_published_task_is_not_taken_for_its_older_run(before: dict[str, Any] | None) -> None:
    new_run = NewRun(api=Api(before, before, before, seen("COMPLETED", "2")), task_id="a")  # type: ignore[arg-type]
    assert wait(new_run, "a")["a"]["submitted_at"] == "2"


def test_a_published_task_that_never_arrives_is_explained() -> None:
    clock = Clock()
    new_run = NewRun(api=Api(None), task_id="a", clock=clock)  # type: ignore[arg-type]
    with pytest.raises(Refused, match="answered by a callback"):
        wait(new_run, "a", clock=clock)


def test_a_pipe_gets_a_line_for_each_change() -> None:
    screen, clock = StringIO(), Clock()
    api = Api(
        seen("IN_QUEUE"), seen("IN_QUEUE"), seen("IN_PROGRESS") | {"sampling": {"sampling_step": 3}}, seen("FAILED")
    )
    wait_for_tasks(["a"], read_task=api.task, console=Console(file=screen, width=20), sleep=clock.sleep, clock=clock)
    assert screen.getvalue().splitlines() == ["a:  50% IN_QUEUE", "a:  50% IN_PROGRESS step 3", "a: 100% FAILED"]


def test_a_wait_without_a_total_ends_when_no_task_changes() -> None:
    clock = Clock()
    moving = [seen("IN_PROGRESS") | {"progress": step / 100} for step in range(100)]
    apis = {"a": Api(*moving, seen("COMPLETED")), "b": Api(seen("IN_QUEUE"))}
    ends: list[str] = []
    with pytest.raises(WaitedTooLong, match="no progress for 10 s: b"):
        wait_for_tasks(
            list(apis),
            read_task=lambda task_id: apis[task_id].task(task_id),
            console=Console(quiet=True),
            stall_seconds=10,
            on_end=lambda task_id, task: ends.append(f"{task_id} {task['status']}"),
            sleep=clock.sleep,
            clock=clock,
        )
    assert ends == ["a COMPLETED"]
    assert clock.seconds >= 100 * 0.5 + 10
