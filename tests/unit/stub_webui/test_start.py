"""Start of the stub, with a clock that obeys the test."""

import os

import pytest

from stub_webui.start import DRAWN_MIDDLEWARE_SECONDS, DRAWN_ROUTES_SECONDS, MIDDLEWARE_SECONDS, StubStart

PATHS = [f"/sdapi/v1/{name}" for name in ("progress", "options", "sd-models", "samplers", "loras", "scripts")]
SEED = 19


class ProcessEnded(Exception):
    """Raised instead of the end of the process."""


@pytest.fixture
def clock() -> list[float]:
    return [1000.0]


def start(clock: list[float], seed: int | None) -> StubStart:
    return StubStart(seed=seed, on_started=lambda: None, monotonic=lambda: clock[0])


@pytest.mark.parametrize("seed", [None, SEED])
def test_a_request_before_the_middleware_ends_the_process(
    clock: list[float], seed: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def end(status: int) -> None:
        raise ProcessEnded(status)

    monkeypatch.setattr(os, "_exit", end)

    with pytest.raises(ProcessEnded, match="1"):
        start(clock, seed).intercept(PATHS[0])

    assert capsys.readouterr().err == "RuntimeError: Cannot add middleware after an application has started\n"


def test_the_routes_of_a_drawn_start_appear_one_by_one(clock: list[float]) -> None:
    starting = start(clock, SEED)
    clock[0] += DRAWN_MIDDLEWARE_SECONDS
    known = []
    for _ in range(100):
        known.append({path for path in PATHS if starting.intercept(path) is None})
        clock[0] += DRAWN_ROUTES_SECONDS / 100

    assert known == sorted(known, key=len)
    assert len(set(map(len, known))) > 2
    assert known[-1] == set(PATHS)


def test_the_recorded_start_has_all_routes_with_the_middleware(clock: list[float]) -> None:
    starting = start(clock, None)
    clock[0] += MIDDLEWARE_SECONDS
    assert [starting.intercept(path) for path in PATHS] == [None] * len(PATHS)
