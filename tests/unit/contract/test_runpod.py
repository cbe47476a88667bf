from typing import Any

import pytest

from contract.errors import InvalidTask
from contract.formats import Format
from contract.routing import Catalogue, Runtime
from contract.runpod import ALLOWED_CALLS, split_sampler
from contract.submission import Submission, parse_submission
from contract.task import TaskType

CATALOGUE = Catalogue([Runtime(name="sdruntime", model_filename="tiny.safetensors")])


def parse(body: dict[str, Any]) -> Submission:
    return parse_submission(
        body,
        catalogue=CATALOGUE,
        find_checkpoint=lambda _: None,
        has_object=lambda _: True,
        format_=Format.RUNPOD,
        runtime_name="sdruntime",
        generated_id="sync-1",
    )


def call(endpoint: str = "/sdapi/v1/txt2img", method: str = "POST", **payload: Any) -> dict[str, Any]:
    return {"input": {"api": {"method": method, "endpoint": endpoint}, "payload": payload}}


def test_a_call_becomes_a_webui_api_task() -> None:
    body = call(prompt="at the ocean", override_settings={"sd_model_checkpoint": "tiny", "sd_vae": "a.pt"})
    submission = parse(body | {"policy": {"executionTimeout": 5000}, "webhook": "https://example.com/hook"})
    metadata = submission.task.metadata
    assert (metadata.id, metadata.runtime, metadata.tasktype) == ("sync-1", "sdruntime", TaskType.WEBUI_API)
    assert metadata.policy.execution_timeout_ms == 5000
    assert metadata.webhook == "https://example.com/hook"
    assert submission.checkpoint == "tiny.safetensors"
    assert submission.task.content["payload"] == {"prompt": "at the ocean", "override_settings": {"sd_vae": "a.pt"}}


def test_a_get_needs_no_payload() -> None:
    assert parse({"input": {"api": {"method": "GET", "endpoint": "sdapi/v1/samplers"}}}).task.content["api"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"input": {}}, {"input.api"}),
        ({"input": []}, {"input"}),
        ({"input": {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}}}, {"input.payload"}),
        (call("/sdapi/v1/server-kill"), {"input.api.endpoint"}),
        (call("/sdapi/v1/../../etc"), {"input.api.endpoint"}),
        (call("/sdapi/v1/samplers"), {"input.api.method"}),
        (call("/sdapi/v1/txt2img", "GET"), {"input.api.method"}),
        ({"input": {"api": {"method": "get", "endpoint": "/sdapi/v1/samplers"}}}, {"input.api.method"}),
        (call("/sdapi/v1/options", "DELETE"), {"input.api.method"}),
        (call(width=9999), {"input.payload.width"}),
        (call("/sdapi/v1/img2img"), {"input.payload.init_images"}),
        (call() | {"webhook": "http://a", "policy": {"ttl": 1}}, {"webhook", "policy.ttl"}),
    ],
)
def test_errors_name_what_the_sender_wrote(body: dict[str, Any], fields: set[str]) -> None:
    with pytest.raises(InvalidTask) as refusal:
        parse(body)
    assert {detail.field for detail in refusal.value.details} == fields


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, r"input: is required"),
        (
            {"input": {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}}},
            r"input\.payload: is required: an object",
        ),
    ],
)
def test_what_is_missing_is_required(body: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidTask, match=message):
        parse(body)


@pytest.mark.parametrize("endpoint", ["v1/download", "/v1/sync"])
def test_models_come_only_where_the_runtime_allows_it(endpoint: str) -> None:
    with pytest.raises(InvalidTask) as refusal:
        parse(call(endpoint, source_url="https://a.example/b.safetensors", download_path="VAE/"))
    assert refusal.value.as_dict()["code"] == "call_not_allowed"
    assert "modelCalls: true" in refusal.value.message


def test_a_refused_endpoint_lists_the_allowed_ones() -> None:
    with pytest.raises(InvalidTask) as refusal:
        parse(call("/sdapi/v1/interrupt"))
    for endpoint in ALLOWED_CALLS["GET"] | ALLOWED_CALLS["POST"]:
        assert endpoint in refusal.value.message


@pytest.mark.parametrize(
    ("name", "sampler", "scheduler"),
    [
        ("DPM++ SDE Karras", "DPM++ SDE", "karras"),
        ("DPM++ 2M SDE Exponential", "DPM++ 2M SDE", "exponential"),
        ("DPM++ 2M Polyexponential", "DPM++ 2M", "polyexponential"),
        ("Euler SGM Uniform", "Euler", "sgm_uniform"),
        ("Euler a", "Euler a", None),
        ("Karras", "Karras", None),
        ("DDIM", "DDIM", None),
    ],
)
def test_a_joined_sampler_name_is_split(name: str, sampler: str, scheduler: str | None) -> None:
    split = split_sampler({"sampler_name": name})
    assert split["sampler_name"] == sampler
    assert split.get("scheduler") == scheduler


def test_a_scheduler_that_the_sender_named_stays() -> None:
    payload = {"sampler_name": "DPM++ SDE Karras", "scheduler": "exponential"}
    assert split_sampler(payload) == {"sampler_name": "DPM++ SDE", "scheduler": "exponential"}
    assert payload["sampler_name"] == "DPM++ SDE Karras"


@pytest.mark.parametrize("index", ["DPM++ SDE Karras", "Euler a"])
@pytest.mark.parametrize(
    ("name", "sampler", "scheduler"),
    [("Euler a", "Euler a", None), ("DPM++ 2M Exponential", "DPM++ 2M", "exponential")],
)
def test_the_scheduler_is_that_of_the_sampler_which_runs(
    index: str, name: str, sampler: str, scheduler: str | None
) -> None:
    split = split_sampler({"sampler_name": name, "sampler_index": index})
    assert (split["sampler_name"], split.get("scheduler")) == (sampler, scheduler)


@pytest.mark.parametrize("name", ["", None])
def test_the_index_is_split_where_there_is_no_name(name: str | None) -> None:
    split = split_sampler({"sampler_name": name, "sampler_index": "DPM++ SDE Karras"})
    assert (split["sampler_index"], split["scheduler"]) == ("DPM++ SDE", "karras")
