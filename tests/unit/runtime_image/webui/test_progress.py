"""Progress answers of the Web UI."""

import json
from typing import Any

import pytest

from runtime_image.process.engine import Progress
from runtime_image.process.engine_http import EngineResponse
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.errors import WebUiFailed
from runtime_image.webui.progress import read_progress
from tests.harness.still_clock import StillClock


class FakeWebUi(WebUiClient):
    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    def call(self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float = 1) -> EngineResponse:
        return EngineResponse(200, self.answer)


def read(progress: float, job: str, job_count: object, job_no: object, step: object, steps: object) -> Progress:
    state = {"skipped": False, "interrupted": False, "job": job, "job_count": job_count, "job_timestamp": "2026"}
    state |= {"job_no": job_no, "sampling_step": step, "sampling_steps": steps}
    value = {"progress": progress, "eta_relative": 0.0, "state": state, "current_image": None, "textinfo": None}
    return read_progress(FakeWebUi(json.dumps(value).encode()), StillClock())


@pytest.mark.parametrize(
    ("answer", "sampling", "stepped"),
    [
        pytest.param((0.0, "", 0, 1, 0, 3), {"sampling_step": 0}, True, id="idle"),
        pytest.param((0.01, "scripts_img2img", -1, 0, 0, 3), {"sampling_step": 0}, False, id="just begun"),
        pytest.param(
            (0.01, "scripts_txt2img", 2, 0, 0, 2),
            {"sampling_step": 0, "job_no": 0, "job_count": 2},
            False,
            id="steps of the task before",
        ),
        pytest.param(
            (0.18, "Batch 1 out of 2", 2, 0, 1, 3),
            {"sampling_step": 1, "sampling_steps": 3, "job_no": 0, "job_count": 2},
            True,
            id="a step",
        ),
        pytest.param(
            (0.51, "scripts_txt2img", 2, 1, 0, 3),
            {"sampling_step": 0, "job_no": 1, "job_count": 2},
            True,
            id="between two passes",
        ),
        pytest.param((0.2, "x", None, "1", True, 2.5), {}, True, id="other types"),
    ],
)
def test_counts_are_told_as_far_as_they_are_known(
    answer: tuple[Any, ...], sampling: dict[str, int], *, stepped: bool
) -> None:
    progress = read(*answer)

    assert progress.sampling == sampling
    assert progress.has_stepped is stepped
    assert progress.fraction == answer[0]


def test_every_step_is_another_position() -> None:
    positions = {read(0.1, "job", 2, job_no, step, 3).position for job_no in range(2) for step in range(3)}

    assert len(positions) == 6
    assert read(0.1, "job", 2, 0, 1, 3).position == read(0.2, "job", 2, 0, 1, 3).position


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"{}",
        b'{"progress": "x", "state": {}}',
        b'{"progress": 0, "state": 7}',
        b'{"progress": NaN, "state": {"interrupted": false}}',
        b'{"progress": 1%s, "state": {"interrupted": false}}' % (b"0" * 400),
        b'{"progress": 0, "state": {"interrupted": false, "job_count": Infinity}}',
    ],
)
def test_garbage_is_the_web_uis_failure(answer: bytes) -> None:
    with pytest.raises(WebUiFailed):
        read_progress(FakeWebUi(answer), StillClock())
