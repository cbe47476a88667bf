import base64
import json
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from stub_webui.__main__ import parse_options, stub_of
from stub_webui.journal import GenerationJournal, read_journal
from stub_webui.png_images import text_of
from stub_webui.run import StubRun, draw_requested_size
from stub_webui.server import serve_stub
from stub_webui.violations import VIOLATIONS_PATH, violations_in
from stub_webui.web_ui import StubWebUi
from tests.harness.eventually import eventually

TXT2IMG = "/sdapi/v1/txt2img"


def generated(webui: StubWebUi, **body: object) -> dict[str, Any]:
    status, content = webui.answer("POST", TXT2IMG, {"prompt": "a cat", "steps": 1, **body})
    assert status == 200
    answer: dict[str, Any] = json.loads(content)
    return answer | {"info": json.loads(answer["info"])}


def test_every_image_carries_its_own_infotext() -> None:
    webui = StubWebUi(seconds_per_step=0, draw=draw_requested_size)
    answer = generated(webui, batch_size=2, n_iter=2, seed=5, width=16, height=8, sampler_name="Euler a Karras")
    assert answer["info"]["all_seeds"] == [5, 6, 7, 8]
    assert answer["info"]["sampler_name"] == "Euler a"
    texts = [text_of(image) for image in answer["images"]]
    assert texts == answer["info"]["infotexts"]
    assert "Steps: 1, Sampler: Euler a, Seed: 8, Size: 16x8" in texts[3]


@pytest.mark.parametrize(
    ("body", "status"),
    [({"cfg_scale": "very"}, 422), ({"init_images": ["zzz?"]}, 500), ({"override_settings": {"no_such": 1}}, 500)],
)
def test_broken_generations_are_refused_as_by_the_real_one(body: dict[str, Any], status: int) -> None:
    assert StubWebUi(seconds_per_step=0).answer("POST", TXT2IMG, body)[0] == status


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"image": 7}', b'{"image": "AAAA"}', b'{"upscaling_resize": {}}'])
def test_a_field_that_the_stub_cannot_use_is_answered_and_cuts_no_connection(content: bytes) -> None:
    with serve_stub(StubWebUi(seconds_per_step=0)) as url:
        for path in ("/sdapi/v1/extra-single-image", "/sdapi/v1/extra-batch-images", "/sdapi/v1/png-info", TXT2IMG):
            assert httpx.post(url + path, content=content).status_code in {200, 422, 500}


def test_generations_are_served_in_their_order_and_an_interrupt_ends_only_the_running_one(tmp_path: Path) -> None:
    journal = GenerationJournal(tmp_path / "journal.jsonl")
    webui = StubWebUi(journal=journal)
    first = threading.Thread(target=generated, args=(webui,), kwargs={"prompt": "first", "steps": 10_000})
    first.start()
    eventually(lambda: webui.progress({})[1]["state"]["sampling_step"], "the first step", 20)
    second = threading.Thread(target=generated, args=(webui,), kwargs={"prompt": "second"})
    second.start()
    webui.interrupt({})
    first.join()
    second.join()
    journal.close()
    assert [(run.prompt, run.interrupted) for run in webui.runs] == [("first", True), ("second", False)]
    one, two = read_journal(tmp_path / "journal.jsonl")
    assert one.released is not None
    assert two.acquired is not None
    assert one.released <= two.acquired


def test_the_program_lists_the_checkpoints_of_its_folder_and_finds_new_ones(tmp_path: Path) -> None:
    folder = tmp_path / "Stable-diffusion"
    folder.mkdir()
    (folder / "one.safetensors").touch()
    webui = stub_of(parse_options(["--models-folder", str(tmp_path), "--seconds-per-step", "0"]))
    assert webui.service.loaded == "one.safetensors"
    (folder / "two.safetensors").touch()
    wanted = {"sd_model_checkpoint": "two.safetensors"}
    assert webui.answer("POST", "/sdapi/v1/options", wanted)[0] == 500
    webui.answer("POST", "/sdapi/v1/refresh-checkpoints", {})
    assert webui.answer("POST", "/sdapi/v1/options", wanted) == (200, None)
    assert generated(webui)["info"]["sd_model_name"] == "two"
    assert webui.answer("GET", "/switches", {}) == (200, 1)


def test_faults_over_http() -> None:
    webui = StubWebUi(seconds_per_step=0, ready=False)
    with serve_stub(webui) as url, httpx.Client(base_url=url) as client:
        assert client.get("/sdapi/v1/samplers").status_code == 404
        webui.ready, webui.broken_answers = True, 1
        with pytest.raises(httpx.RemoteProtocolError):
            client.post(TXT2IMG, json={"steps": 1})
        images = client.post(TXT2IMG, json={"steps": 1}).json()["images"]
        assert base64.b64decode(images[0]).startswith(b"\x89PNG")


@pytest.mark.parametrize(("encoding", "compressed"), [("gzip", True), ("identity", False)])
def test_a_long_answer_is_compressed_for_clients_that_ask(encoding: str, compressed: bool) -> None:
    with serve_stub(StubWebUi(seconds_per_step=0)) as url:
        body = {"prompt": "a cat", "steps": 1, "batch_size": 8}
        answer = httpx.post(url + TXT2IMG, json=body, headers={"accept-encoding": encoding})
        assert (answer.headers.get("content-encoding") == "gzip") is compressed
        assert len(answer.json()["images"]) == 8


PICTURE = base64.b64encode(draw_requested_size(StubRun("", {"width": 8, "height": 8}, "", 0.0), 0)).decode()


@pytest.mark.parametrize(
    ("unit", "violations"),
    [
        ({"image": PICTURE, "module": "canny", "ipadapter_input": None, "is_ui": None}, []),
        ({"image": {"image": f"data:image/png;base64,{PICTURE}", "mask": None}}, []),
        ({"ipadapter_input": "gASV", "enabled": False}, ["ipadapter_input: a hostile field"]),
        ({"image": "/var/outputs/other.png"}, ["image: a path"]),
        ({"image": {"image": PICTURE, "mask": "/etc/pas"}}, ["image.mask: a path"]),
        ({"effective_region_mask": "http://169.254.169.254/ "}, ["effective_region_mask: an address"]),
        ({"batch_images": "/x", "output_dir": "/y"}, ["batch_images: a hostile field", "output_dir: a hostile field"]),
    ],
)
def test_hostile_arguments_of_a_control_net_unit_are_recorded(unit: dict[str, Any], violations: list[str]) -> None:
    webui = StubWebUi(seconds_per_step=0)
    webui.answer("POST", TXT2IMG, {"prompt": "http://a", "alwayson_scripts": {"controlnet": {"args": [unit]}}})
    recorded = [f"alwayson_scripts.controlnet.args[0].{violation}" for violation in violations]
    assert webui.answer("GET", VIOLATIONS_PATH, {}) == (200, recorded)


@pytest.mark.parametrize(
    ("body", "violations"),
    [
        ({"prompt": "http://a", "alwayson_scripts": {"ADetailer": {"args": [{"ad_prompt": "https://b"}]}}}, []),
        ({"script_name": "Prompts from file or textbox"}, ["Prompts from file or textbox: a script"]),
        ({"script_args": [" HTTPS://b"], "firstpass_image": "http://c"}, ["script_args[0]", "firstpass_image"]),
    ],
)
def test_hostile_fields_of_a_request_are_recorded(body: dict[str, Any], violations: list[str]) -> None:
    found = violations_in(body)
    assert [violation.removesuffix(": an address") for violation in found] == violations
