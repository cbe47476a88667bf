"""Silence of the engine: a hang, or only work that shows no steps."""

import pytest

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.generate.hang_detector import BEFORE_FIRST_STEP, HangDetector
from runtime_image.agent.generate.outstanding_requests import OutstandingRequests
from runtime_image.process.engine import Progress
from tests.unit.runtime_image.agent.tasks import UPSCALING, held_task

LIMIT = 100.0


def at(*position: object, stepped: bool = True) -> Progress:
    return Progress(0.0, 0.5, interrupted=False, busy=True, position=position, has_stepped=stepped)


@pytest.fixture
def task() -> ClaimedTask:
    return held_task()


@pytest.fixture
def detector(task: ClaimedTask) -> HangDetector:
    watch = HangDetector(outstanding=OutstandingRequests(), limit_seconds=LIMIT)
    assert watch.still_seconds(task, 0.0) is None
    return watch


def test_the_same_step_for_too_long_is_a_hang(detector: HangDetector, task: ClaimedTask) -> None:
    detector.received(at("job", 0, 3), 10.0)
    for now in (20.0, 60.0, 110.0):
        detector.received(at("job", 0, 3), now)
        assert detector.still_seconds(task, now) is None
    assert detector.still_seconds(task, 111.0) == 101.0


def test_so_is_no_answer_at_all(detector: HangDetector, task: ClaimedTask) -> None:
    assert detector.still_seconds(task, BEFORE_FIRST_STEP * LIMIT) is None
    assert detector.still_seconds(task, BEFORE_FIRST_STEP * LIMIT + 1) is not None


@pytest.mark.parametrize(
    "positions",
    [
        pytest.param([("t", "job", 0, step) for step in range(10)], id="slow steps"),
        pytest.param([("t", "job", 0, 9), ("t", "job", 1, 0), ("t", "job", 1, 1)], id="passes"),
        pytest.param([("t", "Batch 1 out of 2", 0, 3), ("t", "Batch 2 out of 2", 1, 0)], id="batches"),
        pytest.param([("t", "job", 0, 3), ("t", "", 1, 0)], id="encoding after the run"),
    ],
)
def test_a_long_generation_that_moves_is_none(
    detector: HangDetector, task: ClaimedTask, positions: list[tuple[object, ...]]
) -> None:
    now = 0.0
    for position in positions:
        now += 0.9 * LIMIT
        assert detector.still_seconds(task, now) is None
        detector.received(at(*position), now)


def test_a_model_may_be_loaded_before_the_first_step(detector: HangDetector, task: ClaimedTask) -> None:
    detector.received(at("job", 0, 0, stepped=False), 1.0)

    assert detector.still_seconds(task, 1.9 * LIMIT) is None
    detector.received(at("job", 0, 1), 1.9 * LIMIT)
    assert detector.still_seconds(task, 2.8 * LIMIT) is None
    assert detector.still_seconds(task, 3.0 * LIMIT) is not None


def test_what_shows_no_steps_has_the_longer_time_for_each_picture(detector: HangDetector) -> None:
    upscaling = held_task(request=UPSCALING)
    detector.still_seconds(upscaling, 0.0)
    detector.received(at("t", "extras", 1, 0), 10.0)

    assert detector.still_seconds(upscaling, 10.0 + 1.9 * LIMIT) is None
    detector.received(at("t", "extras", 2, 0), 10.0 + 1.9 * LIMIT)
    assert detector.still_seconds(upscaling, 10.0 + 3.8 * LIMIT) is None
    assert detector.still_seconds(upscaling, 10.0 + 4.0 * LIMIT) is not None


def test_each_request_has_its_own_time(detector: HangDetector, task: ClaimedTask) -> None:
    detector.received(at("job", 0, 3), 10.0)
    following = held_task("next")

    assert detector.still_seconds(following, 150.0) is None
    assert detector.still_seconds(None, 10_000.0) is None
    assert detector.still_seconds(task, 10_001.0) is None
