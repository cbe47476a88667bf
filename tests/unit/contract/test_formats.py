"""Paths of fields as their senders wrote them, in errors that the edge or a replica found."""

from typing import Any, Final

import pytest

from contract.errors import FieldError, InvalidTask
from contract.formats import Format, original_error
from tests.unit.contract.test_submission import PICTURE, parse, refusals, task

_LINK: Final = "https://example.com/a.png"


def test_errors_of_a_replica_name_fields_as_the_sender_wrote_them() -> None:
    found = InvalidTask([FieldError("task.content.payload.sampler_name", "is unknown", "unknown_sampler")]).as_dict()
    assert original_error(found, Format.V1ALPHA2, {}) == found
    assert original_error(found, Format.RUNPOD, {}) == {
        "code": "unknown_sampler",
        "message": "input.payload.sampler_name: is unknown",
        "details": [{"field": "input.payload.sampler_name", "message": "is unknown"}],
    }
    again = original_error(original_error(found, Format.RUNPOD, {}), Format.RUNPOD, {})
    assert again["message"] == "input.payload.sampler_name: is unknown"


def test_an_error_without_fields_stays() -> None:
    error = {"code": "webui_failed", "message": "task.content is fine"}
    assert original_error(error, Format.V1ALPHA1, {"task": ""}) == error


def _older(scripts: dict[str, Any], **content: Any) -> dict[str, Any]:
    keys = {"task": "image-to-image", "id_task": "a", "sd_model_checkpoint": "v1-5-pruned-emaonly"}
    return {"alwayson_scripts": keys | scripts, **content}


def _runpod(**payload: Any) -> dict[str, Any]:
    return {"input": {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}, "payload": payload}}


@pytest.mark.parametrize(
    ("body", "found", "written"),
    [
        (task()["task"], "task.content.width", "content.width"),
        (task()["task"], "task.metadata.id", "metadata.id"),
        (
            task({"alwayson_scripts": {"image_link": _LINK}}, tasktype="image-to-image"),
            "task.content.init_images[0]",
            "task.content.alwayson_scripts.image_link",
        ),
        (
            task(
                {"alwayson_scripts": {"image_link": _LINK}, "init_images": [PICTURE, PICTURE]},
                tasktype="image-to-image",
            )["task"],
            "task.content.init_images[2]",
            "content.init_images[1]",
        ),
        (_older({"image_link": _LINK}), "task.content.init_images[0]", "alwayson_scripts.image_link"),
        (
            _older({"sd_vae": "a.pt", "override_settings": {"tiling": True}}, init_images=[PICTURE]),
            "task.content.override_settings.sd_vae",
            "alwayson_scripts.sd_vae",
        ),
        (
            _older({"override_settings": {"tiling": True}}, init_images=[PICTURE]),
            "task.content.override_settings.tiling",
            "alwayson_scripts.override_settings.tiling",
        ),
        (
            _older({}, init_images=[PICTURE], override_settings={"tiling": True}),
            "task.content.override_settings.tiling",
            "override_settings.tiling",
        ),
        (_runpod(sampler_name="Euler Karras"), "task.content.payload.scheduler", "input.payload.sampler_name"),
        (
            _runpod(sampler_name="Euler Karras", scheduler="beta"),
            "task.content.payload.scheduler",
            "input.payload.scheduler",
        ),
        (
            _runpod(alwayson_scripts={"sd_model_checkpoint": "v1-5-pruned-emaonly"}),
            "task.content.payload.override_settings.sd_model_checkpoint",
            "input.payload.alwayson_scripts.sd_model_checkpoint",
        ),
        (
            task({"infotext": "a dog\nSteps: 10, Sampler: Euler, Seed: 1"}),
            "task.content.sampler_name",
            "task.content.infotext",
        ),
    ],
)
def test_a_moved_field_is_named_where_the_sender_wrote_it(body: dict[str, Any], found: str, written: str) -> None:
    submission = parse(body, runtime_name="sdruntime", generated_id="a")
    error = InvalidTask([FieldError(found, "is wrong")]).as_dict()
    assert original_error(error, submission.format, submission.moved_fields)["details"][0]["field"] == written
    assert submission.original_field(found) == written


def test_an_error_of_the_edge_has_no_wrapper_that_the_sender_left_out() -> None:
    body = task({"steps": "many", "alwayson_scripts": {"image_link": "/etc/passwd"}}, webhok="https://a.example")[
        "task"
    ]
    assert set(refusals(body)) == {
        "content.steps",
        "content.alwayson_scripts.image_link",
        "metadata.webhok",
    }


@pytest.mark.parametrize(
    ("body", "format_", "field", "words"),
    [
        (_older({}), Format.V1ALPHA2, "task", "in the format v1alpha1, which POST /v1alpha1 accepts"),
        (_runpod(), Format.V1ALPHA2, "task", "in the format runpod, which POST /v2/{runtime}/run accepts"),
        (task(), Format.V1ALPHA1, "alwayson_scripts", "POST /v1alpha2 accepts requests in the format v1alpha2"),
        (task()["task"], Format.V1ALPHA1, "alwayson_scripts", "POST /v1alpha2 accepts requests in the format v1alpha2"),
    ],
)
def test_a_request_at_the_door_of_another_format(body: dict[str, Any], format_: Format, field: str, words: str) -> None:
    assert words in refusals(body, format_=format_)[field]
