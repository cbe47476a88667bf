"""Errors of the client after their way between two processes."""

import pickle

import pytest

import darkroom
from tests.unit.darkroom.fake_transport import task

FIELD = darkroom.RefusedField("task.content.width", "is 9")


@pytest.mark.parametrize(
    "error",
    [
        darkroom.Unavailable("down", request_id="r-1"),
        darkroom.RequestRefused("no", status=400, code="invalid_task", fields=[FIELD], request_id="r-1"),
        darkroom.TaskConflict("no", status=409, code="task_finished"),
        darkroom.DeadlinePassed("late", task_ids=["a", "b"]),
        darkroom.TaskNotCompleted(darkroom.TaskSnapshot.of(task("FAILED"))),
    ],
)
def test_an_error_of_a_worker_process_arrives_whole(error: darkroom.Error) -> None:
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - what this line has written
    assert (type(arrived), str(arrived), vars(arrived)) == (type(error), str(error), vars(error))
