"""Habits of the real Web UI that the agent must handle, such as leaking overrides and interrupts without a task."""

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from embedded_webui.web_ui import CHECKPOINT_FOLDER
from tests.harness.eventually import eventually
from tests.integration.embedded_webui.conftest import CHECKPOINTS

pytestmark = [
    pytest.mark.xdist_group("embedded_webui"),
    pytest.mark.usefixtures("first_checkpoint"),
]

SMALL = {"prompt": "a cat", "steps": 1, "width": 64, "height": 64, "seed": 1}
#: Enough steps that a test can poll the run and interrupt it.
LONG = {**SMALL, "steps": 30}
DEADLINE_SECONDS = 60
#: Seconds between two polls of a run, which takes several times as long under constant polling.
POLL_SECONDS = 0.02


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


def make(web_ui: httpx.Client, fields: dict[str, Any]) -> dict[str, Any]:
    answer = web_ui.post("/txt2img", json=fields)
    assert answer.status_code == 200, answer.text[:500]
    body: dict[str, Any] = answer.json()
    body["info"] = json.loads(body["info"])
    return body


def progress(web_ui: httpx.Client) -> dict[str, Any]:
    answer: dict[str, Any] = web_ui.get("/progress", params={"skip_current_image": True}).json()
    return answer


def wait_until(web_ui: httpx.Client, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    def poll() -> dict[str, Any] | None:
        answer = progress(web_ui)
        return answer if holds(answer) else None

    return eventually(poll, "the state that the test waits for", DEADLINE_SECONDS)


def test_an_override_leaks_unless_its_option_was_set_explicitly(web_ui: httpx.Client) -> None:
    def clip_skip(**fields: Any) -> int:
        return int(make(web_ui, {**SMALL, "send_images": False, **fields})["info"]["clip_skip"])

    # No other test sets this option explicitly.
    make(web_ui, {**SMALL, "override_settings": {"eta_noise_seed_delta": 7}})
    assert web_ui.get("/options").json()["eta_noise_seed_delta"] == 7
    web_ui.post("/options", json={"CLIP_stop_at_last_layers": 1})
    assert clip_skip(override_settings={"CLIP_stop_at_last_layers": 3}) == 3
    restored = web_ui.get("/options").json()["CLIP_stop_at_last_layers"]
    assert (restored, type(restored)) == (1.0, float)
    assert clip_skip(override_settings={"CLIP_stop_at_last_layers": 2}, override_settings_restore_afterwards=False) == 2
    assert clip_skip() == 2
    web_ui.post("/options", json={"CLIP_stop_at_last_layers": 1})


def test_an_option_of_a_wrong_type_poisons_everything(web_ui: httpx.Client) -> None:
    assert web_ui.post("/options", json={"CLIP_stop_at_last_layers": "abc"}).status_code == 200
    try:
        options, picture = web_ui.get("/options"), web_ui.post("/txt2img", json=SMALL)
    finally:
        web_ui.post("/options", json={"CLIP_stop_at_last_layers": 1})
    assert (options.status_code, picture.status_code) == (500, 500)
    assert options.json() == {
        "error": "ValidationError",
        "detail": "",
        "body": "",
        "errors": "1 validation error for Options\nresponse -> CLIP_stop_at_last_layers\n"
        "  value is not a valid float (type=type_error.float)",
    }
    assert picture.json()["error"] == "TypeError"
    assert picture.json()["errors"] == "bad operand type for unary -: 'str'"


def test_a_broken_checkpoint_is_refused_only_in_overrides(web_ui: httpx.Client, models_folder: Path) -> None:
    broken = models_folder / CHECKPOINT_FOLDER / "broken.safetensors"
    whole_file = broken.with_name(f"{CHECKPOINTS.first}.safetensors").read_bytes()
    broken.write_bytes(whole_file[:-1])
    try:
        whole = make(web_ui, SMALL)
        web_ui.post("/refresh-checkpoints")
        listed = {entry["model_name"]: entry["hash"] for entry in web_ui.get("/sd-models").json()}
        assert listed["broken"] is None
        switched = web_ui.post("/options", json={"sd_model_checkpoint": "broken.safetensors"})
        assert (switched.status_code, switched.json()) == (200, None)
        assert web_ui.get("/options").json()["sd_model_checkpoint"].startswith(CHECKPOINTS.first)
        assert make(web_ui, SMALL)["info"]["sd_model_name"] == CHECKPOINTS.first
        # Other pictures with the usual description, until another checkpoint was loaded.
        spoiled = make(web_ui, SMALL)
        assert spoiled["images"] != whole["images"]
        assert spoiled["info"]["infotexts"] == whole["info"]["infotexts"]
        override = {"sd_model_checkpoint": "broken.safetensors"}
        refused = web_ui.post("/txt2img", json={**SMALL, "override_settings": override})
        answer = refused.json()
        assert (refused.status_code, answer["error"], answer["detail"]) == (500, "SafetensorError", "")
        # The rest is a word of the library's version.
        assert answer["errors"].startswith("Error while deserializing header: ")
        assert make(web_ui, SMALL)["info"]["sd_model_name"] == CHECKPOINTS.first
        for name in (CHECKPOINTS.second, CHECKPOINTS.first):
            web_ui.post("/options", json={"sd_model_checkpoint": name})
        assert make(web_ui, SMALL)["images"] == whole["images"]
    finally:
        broken.unlink()
        web_ui.post("/refresh-checkpoints")


def test_progress_never_reaches_one_and_falls_back_to_zero(
    web_ui: httpx.Client, background: ThreadPoolExecutor
) -> None:
    running = background.submit(make, web_ui, {**LONG, "n_iter": 2})
    seen = [wait_until(web_ui, lambda answer: answer["state"]["job_count"] == 2)]
    while not running.done():
        seen.append(progress(web_ui))
        time.sleep(POLL_SECONDS)
    values = [answer["progress"] for answer in seen if answer["state"]["job_count"] == 2]
    assert values == sorted(values)
    assert 0 < values[0] < values[-1] < 1.01
    assert {answer["state"]["job"] for answer in seen} >= {"Batch 1 out of 2", "Batch 2 out of 2"}
    after = progress(web_ui)
    assert (after["progress"], after["eta_relative"], after["state"]["job_count"]) == (0, 0, 0)
    assert after["state"]["job_no"] == 2


def test_a_preview_is_shown_every_ten_steps(web_ui: httpx.Client, background: ThreadPoolExecutor) -> None:
    running = background.submit(make, web_ui, LONG)
    previews = []
    while not running.done():
        if preview := web_ui.get("/progress").json()["current_image"]:
            previews.append(base64.b64decode(preview))
        time.sleep(POLL_SECONDS)
    assert previews
    assert all(preview.startswith(b"\x89PNG") for preview in previews)


def test_interrupt_stops_the_run_and_leaves_the_next_alone(
    web_ui: httpx.Client, background: ThreadPoolExecutor
) -> None:
    whole = make(web_ui, LONG)["images"]
    first = background.submit(make, web_ui, LONG)
    wait_until(web_ui, lambda answer: answer["state"]["sampling_step"] > 0)
    second = background.submit(make, web_ui, LONG)
    # The first still runs when the second is sent. Only the second response shows that it was not interrupted.
    assert web_ui.post("/interrupt").json() == {}
    partial = first.result()
    assert len(partial["images"]) == 1
    assert partial["images"] != whole
    assert second.result()["images"] == whole


def test_interrupting_the_second_batch_leaves_two_pictures_and_three_seeds(
    web_ui: httpx.Client, background: ThreadPoolExecutor
) -> None:
    running = background.submit(make, web_ui, {**LONG, "n_iter": 3})
    wait_until(web_ui, lambda answer: answer["state"]["job_no"] == 1 and answer["state"]["sampling_step"] > 0)
    web_ui.post("/interrupt")
    body = running.result()
    assert len(body["images"]) == 2
    assert body["info"]["all_seeds"] == [1, 2, 3]


def test_interrupt_when_idle_harms_nothing(web_ui: httpx.Client) -> None:
    web_ui.post("/interrupt")
    assert progress(web_ui)["state"]["interrupted"] is True
    assert make(web_ui, SMALL)["images"]
    assert progress(web_ui)["state"]["interrupted"] is False


def test_a_client_that_goes_away_does_not_stop_its_run(web_ui: httpx.Client) -> None:
    with pytest.raises(httpx.ReadTimeout):
        web_ui.post("/txt2img", json=LONG, timeout=0.2)
    wait_until(web_ui, lambda answer: answer["state"]["sampling_step"] > 0)
    wait_until(web_ui, lambda answer: answer["state"]["job_count"] == 0)


def test_a_change_of_checkpoint_waits_for_the_run_but_shows_at_once(
    web_ui: httpx.Client, background: ThreadPoolExecutor
) -> None:
    running = background.submit(make, web_ui, LONG)
    wait_until(web_ui, lambda answer: answer["state"]["sampling_step"] > 0)
    change = background.submit(web_ui.post, "/options", json={"sd_model_checkpoint": CHECKPOINTS.second})
    deadline = time.monotonic() + DEADLINE_SECONDS
    while web_ui.get("/options").json()["sd_model_checkpoint"] != CHECKPOINTS.second:
        assert time.monotonic() < deadline
    assert not change.done() or running.done()
    assert running.result()["info"]["sd_model_name"] == CHECKPOINTS.first
    assert change.result().status_code == 200
    assert make(web_ui, SMALL)["info"]["sd_model_name"] == CHECKPOINTS.second


def test_a_picture_that_does_not_fit_into_memory_is_refused(web_ui: httpx.Client) -> None:
    refused = web_ui.post("/txt2img", json={**SMALL, "width": 2**17, "height": 2**17})
    answer = refused.json()
    assert (refused.status_code, answer["error"], answer["detail"], answer["body"]) == (500, "RuntimeError", "", "")
    words = (
        r"\[enforce fail at alloc_cpu\.cpp:\d+\] err == 0\. DefaultCPUAllocator: can't allocate memory: you tried to"
        r" allocate \d+ bytes\. Error code 12 \(Cannot allocate memory\)"
    )
    assert re.fullmatch(words, answer["errors"])


@pytest.mark.slow
def test_an_unloaded_checkpoint_is_loaded_again(web_ui: httpx.Client) -> None:
    before = make(web_ui, SMALL)["images"]
    assert web_ui.post("/unload-checkpoint").json() == {}
    assert make(web_ui, SMALL)["images"] == before
