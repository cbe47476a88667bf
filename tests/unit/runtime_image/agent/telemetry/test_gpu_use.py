"""Busy and idle time of the Web UI."""

from runtime_image.agent.telemetry.gpu_use import GpuUse
from tests.unit.runtime_image.agent.tasks import held_task


def test_two_in_flight_count_once_and_follow_each_other() -> None:
    gpu = GpuUse(started_at=100.0)
    first, second, third = (held_task(name) for name in ("first", "second", "third"))
    for task, sent_at in ((first, 101.0), (second, 102.0)):
        task.sent_at = sent_at
        gpu.sent(task, sent_at)
    gpu.answered(first, 104.0)
    gpu.answered(second, 107.0)
    third.sent_at = 107.5
    gpu.sent(third, 107.5)
    gpu.answered(third, 108.5)

    assert [task.timeline.gpu_idle_seconds for task in (first, second, third)] == [1.0, 0.0, 0.5]
    assert [task.timeline.generate_seconds() for task in (first, second, third)] == [3.0, 3.0, 1.0]
    assert gpu.busy_seconds(110.0) == 7.0


def test_a_running_generation_counts_and_an_unknown_answer_does_not() -> None:
    gpu, task = GpuUse(started_at=100.0), held_task()
    gpu.answered(task, 101.0)
    assert task.timeline.generate_seconds() is None

    task.sent_at = 102.0
    gpu.sent(task, 102.0)

    assert gpu.busy_seconds(105.0) == 3.0
