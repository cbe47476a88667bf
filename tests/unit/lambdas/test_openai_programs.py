"""Programs written for OpenAI's images API: their fixed models, their default answers, and their forms."""

import json
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest

from contract.errors import InvalidTask
from contract.openai_errors import openai_error_type
from contract.record import Status
from contract.routing import Catalogue, Runtime
from contract.transitions import Outcome
from lambdas.openai_api.form_fields import read_fields
from lambdas.openai_api.image_request import ImageCall, ImageCallKind, parse_call
from lambdas.tasks import outcomes
from stacks.constructs.api.gateway_errors import GATEWAY_ERRORS
from tests.harness.openai_calls import RECORDED_CALLS, RecordedCall
from tests.unit.lambdas.test_openai_images import FORM, PNG, Images, form, generation, images

__all__ = ["images"]

CATALOGUE = Catalogue(
    [
        Runtime(name="sdruntime", model_filename="a.safetensors"),
        Runtime(name="sdxl", model_filename="b.safetensors", openai_models=("gpt-image-1", "dall-e-2", "dall-e-3")),
    ]
)


def parsed(recorded: RecordedCall) -> ImageCall:
    request = recorded.request("http://api/v1", "the-key")
    return parse_call(ImageCallKind(recorded.call), request.read(), request.headers["Content-Type"])


@pytest.mark.parametrize("recorded", RECORDED_CALLS, ids=[recorded.program for recorded in RECORDED_CALLS])
def test_a_recorded_call_becomes_the_task_that_its_program_means(recorded: RecordedCall) -> None:
    call = parsed(recorded)
    task = call.task("openai-1", catalogue=CATALOGUE)["task"]
    model = recorded.fields.get("model", "sdruntime")
    assert task["metadata"]["runtime"] == ("sdruntime" if model == "sdruntime" else "sdxl")
    content = task["content"]
    asked_size = (content.get("width", 512), content.get("height", 512))
    assert (asked_size, content["n_iter"]) == (recorded.size, int(recorded.fields.get("n", 1)))
    assert call.request.wants_links is (recorded.reads == "url")
    assert ("init_images" in content, "mask" in content) == (bool(recorded.files), "mask" in recorded.files)


def test_a_request_may_ask_for_links_of_a_model_without_them() -> None:
    assert generation(model="gpt-image-1", response_format="url").request.wants_links


def test_a_name_of_openai_is_listed_and_an_unknown_one_refused(images: Images) -> None:
    images.images._tasks = replace(images.harness.tasks(), catalogue=CATALOGUE)
    listed = [model["id"] for model in images.images.list_models()["data"]]
    assert listed == ["sdruntime", "sdxl", "gpt-image-1", "dall-e-2", "dall-e-3"]
    with pytest.raises(InvalidTask, match="there is no runtime 'gpt-image-9'"):
        generation(model="gpt-image-9").task("a", catalogue=CATALOGUE)


def test_the_javascript_clients_extra_body_is_read_like_the_python_clients() -> None:
    call = generation(extra_body={"steps": 7, "negative_prompt": "cat"})
    content = call.task("a", catalogue=CATALOGUE)["task"]["content"]
    assert (content["steps"], content["negative_prompt"], "extra_body" in content) == (7, "cat", False)


def test_objects_in_forms_are_json_or_taken_apart() -> None:
    fields = {
        "override_settings[tiling]": ["true"],
        "alwayson_scripts": ['{"Seed": {"args": [1]}}'],
        "styles[]": ["noir", "ink"],
        "script_args": ["not JSON"],
        "negative_prompt": ["[1]"],
        "n": ["1", "2"],
    }
    assert read_fields(fields) == {
        "override_settings": {"tiling": "true"},
        "alwayson_scripts": {"Seed": {"args": [1]}},
        "styles": ["noir", "ink"],
        "script_args": "not JSON",
        "negative_prompt": "[1]",
        "n": "2",
    }


@pytest.mark.parametrize(
    "names",
    [
        ["alwayson_scripts[ControlNet][args][][image]"],
        ["override_settings", "override_settings[tiling]"],
        ["override_settings[tiling]", "override_settings[tiling][a]"],
        ["styles[]", "styles[a]"],
    ],
)
def test_a_part_without_a_place_is_refused(names: list[str]) -> None:
    base = names[-1].partition("[")[0]
    with pytest.raises(InvalidTask, match=f"has no clear place; write {base} as one field of JSON") as refused:
        read_fields({name: ["text"] for name in names})
    assert [detail.field for detail in refused.value.details] == [names[-1]]


def test_an_object_of_a_form_reaches_the_task() -> None:
    body = form({"image": PNG}, prompt="a", **{"override_settings[CLIP_stop_at_last_layers]": "2"})
    content = parse_call(ImageCallKind.EDITS, body, FORM).task("a", catalogue=CATALOGUE)["task"]["content"]
    assert content["override_settings"] == {"CLIP_stop_at_last_layers": "2"}


def answer(images: Images, **fields: Any) -> tuple[int, dict[str, Any], dict[str, Any]]:
    response = images.images.make(generation(**fields), caller=images.caller, seconds=5)
    return response.status_code, json.loads(response.body or ""), dict(response.headers)


def test_a_call_that_takes_longer_or_was_cancelled_is_not_repeated_by_the_clients(images: Images) -> None:
    status, body, headers = answer(images)
    assert (status, body["id_task"], headers["x-should-retry"]) == (HTTPStatus.GATEWAY_TIMEOUT, "openai-1", "false")
    images.during = [images.claim, lambda: images.finish(outcomes.cancelled())]
    status, body, headers = answer(images)
    assert (status, body["id_task"], headers["x-should-retry"]) == (HTTPStatus.CONFLICT, "openai-1", "false")


def test_a_failure_of_a_machine_may_be_repeated(images: Images) -> None:
    failed = Outcome(Status.FAILED, error={"code": "webui_hung", "message": "m"})
    images.during = [images.claim, lambda: images.finish(failed)]
    status, _, headers = answer(images)
    assert (status, "x-should-retry" in headers) == (HTTPStatus.INTERNAL_SERVER_ERROR, False)


def test_unknown_fields_are_named_in_the_answer(images: Images) -> None:
    images.during = [images.claim, images.finish]
    assert answer(images, wholly_unlike=1)[1]["unknown_fields"] == ["wholly_unlike"]


def test_refusals_of_the_gateway_have_openais_types() -> None:
    errors = {name: json.loads(response.body())["error"] for name, response in GATEWAY_ERRORS.items()}
    assert {"message", "type", "param", "code"} == set.intersection(*(set(error) for error in errors.values()))
    types = {name: errors[name]["type"] for name in ("UNAUTHORIZED", "THROTTLED", "REQUEST_TOO_LARGE", "DEFAULT_5XX")}
    assert list(types.values()) == ["authentication_error", "rate_limit_error", "invalid_request_error", "server_error"]
    assert openai_error_type(HTTPStatus.FORBIDDEN) == "permission_error"
