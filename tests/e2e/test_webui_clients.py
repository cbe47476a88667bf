"""Programs for an SD Web UI use the runtimes by another URL: the real client `webuiapi`."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import webuiapi

from contract.routing import same_checkpoint
from tests.e2e.webui_clients import TIMEOUT_SECONDS, http_client, webui_client
from tests.harness.local_system import System

# One local system serves all end-to-end tests, so they run in one process.
pytestmark = [pytest.mark.xdist_group("local_system")]

SMALL: dict[str, Any] = {"prompt": "a cat", "seed": 5, "width": 64, "height": 64}
#: Steps of a generation that is interrupted long before its end.
MANY_STEPS = 150


@pytest.fixture(scope="module")
def api(system: System) -> webuiapi.WebUIApi:
    return webui_client(system)


@pytest.fixture(scope="module")
def http(system: System) -> Iterator[httpx.Client]:
    with http_client(system) as client:
        yield client


def test_text_to_image_and_back_to_its_parameters(api: webuiapi.WebUIApi) -> None:
    made = api.txt2img(**SMALL, batch_size=2)
    assert [image.size for image in made.images] == [(64, 64), (64, 64)]
    assert made.info["all_seeds"] == [5, 6]
    assert made.parameters["batch_size"] == 2
    told = api.png_info(made.images[1])
    assert told.info == made.info["infotexts"][1]
    assert "Seed: 6" in told.info


def test_what_there_is(api: webuiapi.WebUIApi) -> None:
    assert "Euler a" in api.util_get_sampler_names()
    assert "Karras" in {scheduler["label"] for scheduler in api.get_schedulers()}
    (model,) = api.util_get_model_names()
    assert model.startswith("v1-5-pruned-emaonly.safetensors [")
    # The Web UI shows the name by which its model was chosen.
    assert same_checkpoint(api.util_get_current_model(), model)
    assert {"txt2img", "img2img"} <= api.get_scripts().keys()
    assert {"None", "Lanczos"} <= {upscaler["name"] for upscaler in api.get_upscalers()}
    assert [lora["name"] for lora in api.get_loras()] == ["inky-v2"]
    assert api.get_hypernetworks() == []
    assert {"ram", "cuda"} <= api.get_memory().keys()
    assert api.refresh_checkpoints() is None


def test_options_are_the_callers_own_and_hold_for_its_pictures(api: webuiapi.WebUIApi) -> None:
    assert api.get_options()["CLIP_stop_at_last_layers"] == 1
    plain = api.txt2img(**SMALL)
    assert api.set_options({"CLIP_stop_at_last_layers": 2}) is None
    try:
        assert api.get_options()["CLIP_stop_at_last_layers"] == 2
        other = api.txt2img(**SMALL)
        assert (other.info["clip_skip"], plain.info["clip_skip"]) == (2, 1)
        assert api.txt2img(**SMALL, override_settings={"CLIP_stop_at_last_layers": 1}).info["clip_skip"] == 1
    finally:
        api.set_options({"CLIP_stop_at_last_layers": 1})
    assert api.txt2img(**SMALL).image.tobytes() == plain.image.tobytes()


def test_a_model_is_chosen_as_in_one_web_ui(system: System) -> None:
    api = webui_client(system, "dynamic")
    names = api.util_get_model_names()
    assert len(names) >= 2
    made = []
    for name in names:
        api.util_set_model(name)
        assert api.util_get_current_model() == name
        made.append(api.txt2img(**SMALL))
    assert [f"{result.info['sd_model_name']}.safetensors" for result in made] == names
    assert len({result.image.tobytes() for result in made}) == len(names)


def test_progress_of_a_running_generation_and_its_early_end(api: webuiapi.WebUIApi, system: System) -> None:
    assert api.get_progress()["state"]["job_count"] == 0
    # Its own URL waits for as long as a busy machine takes until the interruption.
    patient = webui_client(system, address=system.endpoints["function_urls"]["webui_api"])
    with ThreadPoolExecutor() as pool:
        running = pool.submit(patient.txt2img, **SMALL | {"width": 512, "height": 512}, steps=MANY_STEPS)
        seen = system.eventually(lambda: _progress(api), "progress")
        assert 0 < seen["progress"] < 1
        assert seen["eta_relative"] > 0
        assert seen["state"]["sampling_steps"] == MANY_STEPS
        assert api.interrupt() == {}
        cut = running.result()
    assert cut.image.size == (512, 512)
    assert cut.info["seed"] == 5
    system.eventually(lambda: api.get_progress()["state"]["job_count"] == 0, "the end of the job")


def _progress(api: webuiapi.WebUIApi) -> dict[str, Any] | None:
    answer: dict[str, Any] = api.get_progress()
    return answer if answer["state"]["sampling_step"] > 0 else None


def test_a_call_without_its_key_is_let_in_nowhere(http: httpx.Client) -> None:
    for auth in (("anybody", "wrong"), None):
        assert httpx.get(f"{http.base_url}samplers", auth=auth, timeout=60).status_code == 401


def test_the_functions_own_url_answers_the_same(system: System, http: httpx.Client) -> None:
    url = f"{system.endpoints['function_urls']['webui_api'].rstrip('/')}/sdapi/v1"
    with httpx.Client(base_url=url, auth=http.auth, timeout=TIMEOUT_SECONDS) as client:
        assert "Euler a" in {sampler["name"] for sampler in client.get("/samplers").json()}
        assert client.get("/nope").json() == {"detail": "Not Found"}
    assert httpx.get(f"{url}/samplers", auth=("anybody", "wrong"), timeout=60).status_code == 401


def test_several_clients_wait_at_once(http: httpx.Client) -> None:
    seeds = [21, 22, 23]
    barrier = threading.Barrier(len(seeds))

    def make(seed: int) -> int:
        barrier.wait()
        answer = http.post("/txt2img", json=SMALL | {"seed": seed})
        assert answer.status_code == 200, answer.text
        return int(answer.json()["parameters"]["seed"])

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(make, seeds)) == seeds
