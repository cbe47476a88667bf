"""The Web UI's recorded traps, sprung on a real agent: what it would replace, leak or be poisoned by."""

from typing import Any

import pytest

from contract.record import Record, Status
from tests.integration.agent.harness import Harness

CLIP_SKIP = "CLIP_stop_at_last_layers"
HIRES = {"enable_hr": True, "denoising_strength": 0.5}


def failed(harness: Harness, task_id: str) -> dict[str, Any]:
    record = harness.wait_for(task_id, Status.FAILED)
    assert record.error is not None
    assert record.attempts == 1
    return record.error


def options_call(payload: dict[str, Any]) -> dict[str, Any]:
    return {"api": {"method": "POST", "endpoint": "/sdapi/v1/options"}, "payload": payload}


def test_an_unknown_name_fails_its_task_with_what_there_is_and_costs_no_generation(harness: Harness) -> None:
    tasks: list[tuple[dict[str, Any], str, str, str]] = [
        ({"sampler_name": "k_euler"}, "sampler_name", "unknown_sampler", "Euler, Euler a"),
        ({"scheduler": "Karas"}, "scheduler", "unknown_scheduler", "karras, kl_optimal"),
        ({**HIRES, "hr_upscaler": "ESRGAN"}, "hr_upscaler", "unknown_upscaler", "Latent, Latent (antialiased)"),
        ({"refiner_checkpoint": "xl"}, "refiner_checkpoint", "unknown_model", "v1-5-pruned-emaonly.safetensors"),
        ({"override_settings": {"sd_vae": "x.pt"}}, "override_settings.sd_vae", "unknown_vae", "sdxl_vae.safetensors"),
        ({"prompt": "a <lora:oil:1> cat"}, "prompt", "unknown_lora", "inky-v2"),
        ({"styles": ["noir", "pop"]}, "styles[1]", "unknown_style", "noir"),
        ({"script_name": "NoSuch"}, "script_name", "unknown_script", "x/y/z plot"),
        ({"override_settings": {"no_such": 1}}, "override_settings.no_such", "unknown_option", "no such option"),
    ]
    harness.start_agent()
    for number, (content, *_) in enumerate(tasks):
        harness.submit(f"task-{number}", {"steps": 1, **content})
    harness.submit("upscale", {"image": "x", "upscaler_1": "NoSuch"}, tasktype="extra-single-image")

    for number, (_, field, code, words) in enumerate(tasks):
        error = failed(harness, f"task-{number}")
        assert error["code"] == code
        assert error["details"][0]["field"] == f"task.content.{field}"
        assert words in error["message"]
    assert failed(harness, "upscale")["code"] == "unknown_upscaler"
    assert harness.webui.runs == []
    harness.wait_until_queue_is_empty()


def test_all_forms_that_the_web_ui_knows_are_generated_with_and_asked_for_once(harness: Harness) -> None:
    harness.start_agent()
    content = {
        "steps": 1,
        "sampler_name": "DPM++ 2M Karras",
        "scheduler": "SGM Uniform",
        "prompt": "<lora:inky:0.5>",
        "styles": ["noir"],
        "alwayson_scripts": {"HyperTile": {"args": []}},
        "refiner_checkpoint": "v1-5-pruned-emaonly",
        **HIRES,
        "hr_upscaler": "Latent",
        "hr_sampler_name": "Use same sampler",
        "override_settings": {"sd_vae": "Automatic"},
    }
    harness.submit("first", content)
    harness.wait_for("first", Status.COMPLETED)
    asked = harness.webui.lists_asked()
    for number in range(3):
        harness.submit(f"task-{number}", content)

    for number in range(3):
        harness.wait_for(f"task-{number}", Status.COMPLETED)
    assert harness.webui.lists_asked() == asked
    assert {"samplers", "schedulers", "loras", "sd-vae", "prompt-styles", "scripts", "options"} <= asked.keys()


def test_what_came_meanwhile_is_found(harness: Harness) -> None:
    harness.start_agent()
    lists = harness.webui.service.lists
    harness.webui.service.found_by_refresh["refresh-loras"] = lambda: lists.update(
        loras=[*lists["loras"], {"name": "oil", "alias": "oil"}]
    )
    harness.submit("new", {"prompt": "<lora:oil:1>", "steps": 1})

    harness.wait_for("new", Status.COMPLETED)


def test_pictures_by_another_sampler_than_asked_for_are_not_stored(harness: Harness) -> None:
    harness.webui.service.sampler = "DPM++ 2M"
    harness.start_agent()
    harness.submit("asked", {"steps": 1, "sampler_name": "Euler a"})

    error = failed(harness, "asked")

    assert error["code"] == "other_sampler"
    assert "Euler a" in error["message"]
    assert harness.outputs() == {}


def clip_skips(harness: Harness, *task_ids: str) -> list[int]:
    for task_id in task_ids:
        harness.wait_for(task_id, Status.COMPLETED)
    return [run.clip_skip for task_id in task_ids for run in harness.webui.runs_of(task_id)]


def test_the_stand_in_leaks_as_it_was_recorded(harness: Harness) -> None:
    """Without the agent: clip skip 2 stays for the next request, until the option has been set explicitly."""

    def generate(**overrides: int) -> int:
        harness.webui.generate({"prompt": "x", "steps": 1, "override_settings": overrides})
        return harness.webui.runs[-1].clip_skip

    assert [generate(**{CLIP_SKIP: 2}), generate()] == [2, 2]
    harness.webui.service.set({CLIP_SKIP: 1})
    assert [generate(**{CLIP_SKIP: 3}), generate()] == [3, 1]


def test_overrides_of_one_task_never_reach_the_next(harness: Harness) -> None:
    requests: list[str] = []
    at_the_web_ui: list[int] = []

    def count(path: str, _body: dict[str, Any]) -> None:
        if path.endswith("/txt2img"):
            requests.append(path)
            at_the_web_ui.append(len(requests) - sum(run.ended_at > 0 for run in harness.webui.runs))

    harness.webui.intercept = count
    harness.start_agent()
    plain, skipping = {"steps": 30}, {"steps": 30, "override_settings": {CLIP_SKIP: 2}}
    names = [f"task-{number}" for number in range(8)]
    for number, name in enumerate(names):
        # Also for one that says itself that nothing is to be set back.
        content = {**skipping, "override_settings_restore_afterwards": number == 1} if number % 2 else plain
        harness.submit(name, {"prompt": name, **content})

    assert clip_skips(harness, *names) == [1, 2] * 4
    assert max(at_the_web_ui) > 1
    assert harness.webui.service.options_set == [{CLIP_SKIP: 1}]

    # A new Web UI in between, which the agent does not notice.
    harness.webui.service.restart()
    harness.submit("after", {"prompt": "after", **skipping})
    assert clip_skips(harness, "after") == [2]
    harness.submit("plain", {"prompt": "plain", **plain})
    assert clip_skips(harness, "plain") == [1]


def test_the_format_of_one_tasks_pictures_is_for_that_task_only(harness: Harness) -> None:
    harness.webui.encoding_seconds = 0.1
    harness.start_agent()
    for name, content in (("a", {}), ("b", {"override_settings": {"samples_format": "jpg"}}), ("c", {}), ("d", {})):
        harness.submit(name, {"prompt": name, "steps": 3, **content})

    records: list[Record] = [harness.wait_for(name, Status.COMPLETED) for name in "abcd"]

    assert [record.image_urls[0].rpartition(".")[2] for record in records] == ["png", "jpg", "png", "png"]
    assert harness.webui.service.options["samples_format"] == "png"


def test_what_could_not_be_set_back_is_set_back_before_anything_else(harness: Harness) -> None:
    refused: list[str] = []

    def refuse_once(path: str, body: dict[str, Any]) -> tuple[int, Any] | None:
        if path.endswith("options") and "samples_format" in body and not refused:
            refused.append(path)
            return 500, b"Internal Server Error"
        return None

    harness.webui.intercept = refuse_once
    harness.start_agent()
    for name, content in (("a", {"override_settings": {"samples_format": "jpg"}}), ("b", {})):
        harness.submit(name, {"prompt": name, "steps": 1, **content})

    records = [harness.wait_for(name, Status.COMPLETED) for name in "ab"]

    assert [record.image_urls[0].rpartition(".")[2] for record in records] == ["jpg", "png"]
    assert refused


def test_a_cut_requests_options_are_set_back_and_its_checkpoint_is_not(harness: Harness) -> None:
    other = "two.safetensors"
    harness.webui.checkpoints.append(other)
    cut: list[str] = []

    def cut_once(path: str, _body: dict[str, Any]) -> None:
        if path.endswith("txt2img") and not cut:
            cut.append(path)
            harness.webui.cut_connections()

    harness.webui.intercept = cut_once
    harness.start_agent()
    content = {"steps": 1, "override_settings": {"samples_format": "jpg"}}
    harness.submit("cut", content)
    harness.wait_for_release("cut")
    harness.submit("next", {"prompt": "next", "steps": 1}, checkpoint=other)

    record = harness.wait_for("next", Status.COMPLETED)

    assert record.image_urls[0].endswith(".png")
    assert [run.checkpoint for run in harness.webui.runs_of("next")] == [other]


@pytest.mark.parametrize("value", ["abc", None, True, [1], 10**400])
def test_no_task_can_poison_the_options(harness: Harness, value: object) -> None:
    harness.start_agent(ALLOWED_OPTIONS=f'["{CLIP_SKIP}"]')
    harness.submit("override", {"steps": 1, "override_settings": {CLIP_SKIP: value}})
    harness.submit("options", options_call({CLIP_SKIP: value}), tasktype="webui-api")

    for name, field in (("override", "content.override_settings"), ("options", "content.payload")):
        error = failed(harness, name)
        assert error["details"][0]["field"] == f"task.{field}.{CLIP_SKIP}"
        assert "must be a number" in error["message"]
    harness.webui.service.restart()
    assert harness.webui.service.show()[0] == 200
    harness.submit("next", {"prompt": "next", "steps": 1})
    assert clip_skips(harness, "next") == [1]


def test_options_are_set_only_as_far_as_the_environment_allows(harness: Harness) -> None:
    harness.start_agent(ALLOWED_OPTIONS='["eta_noise_seed_delta", "sd_vae"]')
    harness.submit("allowed", options_call({"eta_noise_seed_delta": 31337}), tasktype="webui-api")
    harness.wait_for("allowed", Status.COMPLETED)
    harness.submit(
        "forbidden", options_call({"sd_model_checkpoint": "x", "eta_noise_seed_delta": 1}), tasktype="webui-api"
    )
    harness.submit("unknown", options_call({"sd_vae": "x.pt"}), tasktype="webui-api")

    error = failed(harness, "forbidden")

    assert "options to set: eta_noise_seed_delta, sd_vae" in error["message"]
    assert [detail["field"] for detail in error["details"]] == ["task.content.payload.sd_model_checkpoint"]
    assert failed(harness, "unknown")["code"] == "unknown_vae"
    assert harness.webui.service.options_set == [{"eta_noise_seed_delta": 31337}]


def test_a_web_ui_that_somebody_else_has_poisoned_fails_no_task_for_good(harness: Harness) -> None:
    harness.start_agent()
    harness.submit("before", {"steps": 1})
    harness.wait_for("before", Status.COMPLETED)
    harness.webui.service.set({CLIP_SKIP: "abc"})
    harness.submit("victim", {"prompt": "victim", "steps": 1})

    error = harness.wait_for_release("victim")

    assert "TypeError" in error["message"]
    assert "it fails the simplest request" in error["message"]


def test_asking_for_what_this_build_does_not_have_is_answered_and_harms_nobody(harness: Harness) -> None:
    del harness.webui.service.lists["hypernetworks"]
    agent = harness.start_agent()
    for number in range(4):
        content = {"api": {"method": "GET", "endpoint": "/sdapi/v1/hypernetworks"}}
        harness.submit(f"ask-{number}", content, tasktype="webui-api")

    assert {failed(harness, f"ask-{number}")["code"] for number in range(4)} == {"webui_refused"}
    harness.submit("next", {"steps": 1})
    harness.wait_for("next", Status.COMPLETED)
    assert agent.is_running
