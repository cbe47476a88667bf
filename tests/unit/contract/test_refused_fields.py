"""Words of refusals: misspelt fields, unknown keys, and all broken fields of one request in one answer."""

from typing import Any

import pytest

from contract.submission import MAX_UNKNOWN_FIELDS
from tests.unit.contract.test_submission import PICTURE, parse, refusals, task


def test_errors_of_metadata_say_what_to_write() -> None:
    wrong: dict[str, Any] = {
        "prefix": 5,
        "runtime": "",
        "policy": {"executionTimeout": 1, "ttl": "soon", "lowPriority": "perhaps"},
    }
    assert refusals(task(**wrong)) == {
        "task.metadata.prefix": "is 5; write text, in quotes",
        "task.metadata.runtime": "is ''; write at least 1 character",
        "task.metadata.policy.executionTimeout": "is 1; write 5000 or more",
        "task.metadata.policy.ttl": "is 'soon'; write a whole number",
        "task.metadata.policy.lowPriority": "is 'perhaps'; write true or false",
    }


@pytest.mark.parametrize(
    ("put_links", "field", "message"),
    [
        ("https://a.example", "put_links", "is 'https://a.example'; write a list"),
        (["https://a.example"] * 65, "put_links", "is an array; write at most 64 entries"),
        (["https://a.example", "http://a.example"], "put_links[1]", "must be an https:// URL with a host"),
    ],
)
def test_errors_of_a_list_say_which_entry_and_what_to_write(put_links: object, field: str, message: str) -> None:
    assert refusals(task(output={"put_links": put_links})) == {f"task.metadata.output.{field}": message}


def test_an_unknown_key_of_metadata_is_told() -> None:
    found = refusals(task(webhok="https://a.example", colour=1, policy={"executiontimeout": 60_000}))
    assert found == {
        "task.metadata.webhok": "is not a key of metadata; did you mean 'webhook'?",
        "task.metadata.colour": (
            "is not a key of metadata; it has context, id, output, policy, prefix, runtime, tasktype, webhook"
        ),
        "task.metadata.policy.executiontimeout": "is not a key of policy; did you mean 'executionTimeout'?",
    }


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("heigth", "height"),
        ("widht", "width"),
        ("cfgScale", "cfg_scale"),
        ("negativePrompt", "negative_prompt"),
        ("guidance_scale", "cfg_scale"),
        ("cfg", "cfg_scale"),
        ("negative", "negative_prompt"),
        ("num_inference_steps", "steps"),
        ("sampler", "sampler_name"),
        ("alwayson_script", "alwayson_scripts"),
    ],
)
def test_a_misspelt_field_of_the_content_is_told_in_every_format(key: str, meant: str) -> None:
    message = f"is not a field of /sdapi/v1/txt2img, which would ignore it; did you mean {meant!r}?"
    assert refusals(task({key: 1})) == {f"task.content.{key}": message}
    payload = {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}, "payload": {key: 1}}
    found = refusals({"input": payload}, runtime_name="sdruntime", generated_id="a")
    assert found == {f"input.payload.{key}": message}


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (task() | {"webhook": "https://a.example"}, "webhook", "is not a key of a request; it has task"),
        (
            {"task": task()["task"] | {"contnet": {}}},
            "task.contnet",
            "is not a key of task; did you mean 'content'?",
        ),
        (task()["task"] | {"webhook": 1}, "webhook", "is not a key of task; it has content, metadata"),
        (
            {"input": {"api": {"method": "GET", "endpoint": "/sdapi/v1/samplers"}}, "webhok": "https://a.example"},
            "webhok",
            "is not a field of a RunPod request, which would ignore it; did you mean 'webhook'?",
        ),
        (
            {"input": {"api": {"method": "GET", "endpoint": "/sdapi/v1/samplers"}, "paylod": {}}},
            "input.paylod",
            "is not a field of a call, which would ignore it; did you mean 'payload'?",
        ),
    ],
)
def test_an_unknown_key_around_the_content_is_told(body: dict[str, Any], field: str, message: str) -> None:
    assert refusals(body, runtime_name="sdruntime", generated_id="a") == {field: message}


def test_unknown_keys_that_resemble_none_are_passed_on_and_named() -> None:
    submission = parse(task({"prompt": "x", "distilled_cfg_scale": 3.5, "colour": None, "z" * 99: 1}))
    assert submission.unknown_fields == ("task.content.distilled_cfg_scale", f"task.content.{'z' * 40}")
    call = {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}
    body = {"input": {"api": call, "payload": {"workflow": 1}, "zoom": 2}, "s3Config": {}}
    submission = parse(body, runtime_name="sdruntime", generated_id="a")
    assert submission.unknown_fields == ("s3Config", "input.zoom", "input.payload.workflow")
    assert submission.task.content["payload"]["workflow"] == 1
    # What has a meaning for generations has none for the others.
    body = {"input": {"api": call | {"endpoint": "/sdapi/v1/png-info"}, "payload": {"image": PICTURE, "width": 64}}}
    assert parse(body, runtime_name="sdruntime", generated_id="a").unknown_fields == ("input.payload.width",)
    many = parse(task({"\ud800": 1} | {f"z{number}": 1 for number in range(100)})).unknown_fields
    assert (many[0], len(many)) == ("task.content.\\ud800", MAX_UNKNOWN_FIELDS)


def test_fields_of_other_programs_go_through() -> None:
    content = {
        "distilled_cfg_scale": 3.5,
        "hr_cfg": 7,
        "hr_additional_modules": [],
        "hr_distilled_cfg": 3.5,
        "clip_skip": 1,
        "use_async": False,
        "resize_mode": 0,
        "image_cfg_scale": 1.5,
        "heigth": None,
        "cfg_scale": 7,
        "guidance_scale": 7,
    }
    assert parse(task(content)).task.content == {key: value for key, value in content.items() if value is not None}


def test_content_is_looked_at_although_the_metadata_is_wrong() -> None:
    body = {"alwayson_scripts": [], "width": 5000}
    assert set(refusals({"task": {"metadata": [], "content": body}})) == {
        "task.metadata",
        "task.content.alwayson_scripts",
    }
    assert set(refusals({"task": {"metadata": {"tasktype": "text-to-image", "runtime": "sdruntime"}}})) == {
        "task.metadata.id",
        "task.content",
    }
    assert set(refusals(task({"width": 5000}, id="../x"))) == {"task.metadata.id", "task.content.width"}


def test_a_refused_checkpoint_is_named_where_the_sender_wrote_it() -> None:
    payload = {"prompt": "x", "override_settings": {"sd_model_checkpoint": "other.safetensors"}}
    body = {"input": {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}, "payload": payload}}
    found = refusals(body, runtime_name="sdruntime", generated_id="a")
    assert set(found) == {"input.payload.override_settings.sd_model_checkpoint"}
    assert "'other.safetensors' is another model" in str(found)
    payload.pop("override_settings")
    found = refusals(body, runtime_name="dynamic", generated_id="a")
    assert set(found) == {"input.payload.override_settings.sd_model_checkpoint"}


def test_placeholders_of_the_api_page_ask_for_no_second_pass() -> None:
    content = {"enable_hr": "False", "hr_upscaler": "string", "hr_scale": 4, "width": 1024, "height": 1024}
    assert parse(task(content)).task.content["enable_hr"] is False


def test_options_of_forge_are_each_named() -> None:
    options = {"forge_preset": "flux", "forge_additional_modules": ["ae.safetensors"]}
    assert set(refusals(task({"override_settings": options, "distilled_cfg_scale": 3.5}))) == {
        "task.content.override_settings.forge_preset",
        "task.content.override_settings.forge_additional_modules",
    }


def test_arguments_of_a_script_are_no_bare_list() -> None:
    found = refusals(task({"alwayson_scripts": {"refiner": [{"x": True}]}}))
    assert set(found) == {"task.content.alwayson_scripts.refiner"}
