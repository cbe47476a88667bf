from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image

from embedded_webui.generation.progress import ProgressState


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(clock: Clock) -> ProgressState:
    return ProgressState(clock=clock, now=lambda: datetime(2026, 11, 20, 10, 54, 13, tzinfo=UTC))


def preview() -> Image.Image:
    return Image.new("RGB", (8, 8))


def answer(state: ProgressState) -> dict[str, Any]:
    body, _ = state.response(every_steps=10, wants_preview=False)
    return body


def test_nothing_runs_at_first(state: ProgressState) -> None:
    body = answer(state)
    assert (body["progress"], body["eta_relative"]) == (0, 0)
    assert body["state"]["job_timestamp"] == "20261120105413"


def test_a_run_without_a_count_is_at_the_floor(state: ProgressState, clock: Clock) -> None:
    state.begin("scripts_img2img")
    clock.seconds += 2
    body = answer(state)
    assert (body["state"]["job_count"], body["progress"]) == (-1, 0.01)
    assert body["eta_relative"] == pytest.approx(198)


def test_progress_counts_passes_and_steps(state: ProgressState) -> None:
    state.begin("scripts_txt2img")
    state.job_count, state.sampling_steps = 2, 4
    values = []
    for _ in range(2):
        for step in range(4):
            state.step(step, preview)
            values.append(answer(state)["progress"])
        state.next_job()
    assert values == [pytest.approx(0.01 + number / 8) for number in range(8)]
    state.end()
    body = answer(state)
    assert (body["progress"], body["state"]["job_no"], body["state"]["sampling_steps"]) == (0, 2, 4)


def test_interruptions_last_until_the_next_run(state: ProgressState) -> None:
    state.interrupted = state.skipped = True
    assert answer(state)["state"]["interrupted"]
    state.begin("scripts_txt2img")
    assert (state.interrupted, state.skipped) == (False, False)


def test_a_preview_is_made_every_so_many_steps_and_only_when_asked_for(state: ProgressState) -> None:
    made = []

    def make() -> Image.Image:
        made.append(state.sampling_step)
        return preview()

    state.begin("scripts_txt2img")
    state.job_count, state.sampling_steps = 1, 30
    for step in range(30):
        state.step(step, make)
        state.response(every_steps=10, wants_preview=False)
        _, image = state.response(every_steps=10, wants_preview=True)
        assert (image is not None) == (step >= 10)
    assert made == [10, 20]
    _, image = state.response(every_steps=-1, wants_preview=True)
    assert image is not None
    state.end()
    assert state.response(every_steps=10, wants_preview=True)[1] is None
