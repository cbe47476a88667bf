import copy
from typing import Any

import pytest

from contract.errors import InvalidTask
from contract.formats import Format
from contract.routing import Catalogue, Runtime
from contract.submission import parse_submission

CATALOGUE = Catalogue(
    [
        Runtime(name="sdruntime", model_filename="v1-5-pruned-emaonly.safetensors"),
        Runtime(name="dynamic", dynamic_model=True),
    ]
)

#: Names of a checkpoint that the model bucket knows.
IN_BUCKET = {
    "painting.safetensors": "painting.safetensors",
    "6ce0161689": "v1-5-pruned-emaonly.safetensors",
}


def parse(body: dict[str, Any]) -> Any:
    return parse_submission(
        body, catalogue=CATALOGUE, find_checkpoint=IN_BUCKET.get, has_object=lambda _: True, format_=Format.V1ALPHA1
    )


def scripts(**extra: Any) -> dict[str, Any]:
    return {
        "task": "text-to-image",
        "id_task": "test-t2i",
        "sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors",
        "save_dir": "outputs",
    } | extra


# Each row: the v1alpha1 body, then metadata, content and checkpoint of the v1alpha2 task that means the same.
EXAMPLES = [
    pytest.param(
        {"alwayson_scripts": scripts(), "prompt": "A dog", "steps": 16},
        {"id": "test-t2i", "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "outputs"},
        {"prompt": "A dog", "steps": 16, "alwayson_scripts": {}},
        "v1-5-pruned-emaonly.safetensors",
        id="documented text-to-image",
    ),
    pytest.param(
        {
            "alwayson_scripts": {
                "task": "image-to-image",
                "image_link": "https://example.com/cat.png",
                "id_task": "test-i2i",
                "sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors",
            },
            "prompt": "cat wizard",
        },
        {"id": "test-i2i", "runtime": "sdruntime", "tasktype": "image-to-image", "prefix": "output"},
        {"prompt": "cat wizard", "alwayson_scripts": {}, "init_images": ["https://example.com/cat.png"]},
        "v1-5-pruned-emaonly.safetensors",
        id="documented image-to-image, without save_dir",
    ),
    pytest.param(
        {
            "alwayson_scripts": scripts(
                sd_vae="vae.pt", override_settings={"CLIP_stop_at_last_layers": 2}, uid=7, ControlNet={"args": []}
            ),
            "override_settings": {"eta_ddim": 1},
        },
        {
            "id": "test-t2i",
            "runtime": "sdruntime",
            "tasktype": "text-to-image",
            "prefix": "outputs",
            "context": {"uid": 7},
        },
        {
            "alwayson_scripts": {"ControlNet": {"args": []}},
            "override_settings": {"eta_ddim": 1, "CLIP_stop_at_last_layers": 2, "sd_vae": "vae.pt"},
        },
        "v1-5-pruned-emaonly.safetensors",
        id="options move to override_settings, scripts of the Web UI stay",
    ),
    pytest.param(
        {"alwayson_scripts": scripts(sd_model_checkpoint="painting.safetensors")},
        {"id": "test-t2i", "runtime": "dynamic", "tasktype": "text-to-image", "prefix": "outputs"},
        {"alwayson_scripts": {}},
        "painting.safetensors",
        id="a model of the bucket goes to the dynamic runtime",
    ),
    pytest.param(
        {"alwayson_scripts": scripts(sd_model_checkpoint="6ce0161689")},
        {"id": "test-t2i", "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "outputs"},
        {"alwayson_scripts": {}},
        "v1-5-pruned-emaonly.safetensors",
        id="a hash that means the model of a runtime",
    ),
]


@pytest.mark.parametrize(("body", "metadata", "content", "checkpoint"), EXAMPLES)
def test_conversion(body: dict[str, Any], metadata: dict[str, Any], content: dict[str, Any], checkpoint: str) -> None:
    original = copy.deepcopy(body)
    submission = parse(body)
    assert (
        submission.task.metadata.model_dump(mode="json", exclude_defaults=True) | {"prefix": metadata["prefix"]}
        == metadata
    )
    assert submission.task.metadata.prefix == metadata["prefix"]
    assert submission.task.content == content
    assert submission.checkpoint == checkpoint
    assert submission.requested_checkpoint == body["alwayson_scripts"]["sd_model_checkpoint"]
    assert body == original


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (
            {},
            {
                "alwayson_scripts",
                "alwayson_scripts.id_task",
                "alwayson_scripts.task",
                "alwayson_scripts.sd_model_checkpoint",
            },
        ),
        (
            {"alwayson_scripts": scripts(id_task="../x", save_dir="..")},
            {"alwayson_scripts.id_task", "alwayson_scripts.save_dir"},
        ),
        ({"alwayson_scripts": scripts(task="paint")}, {"alwayson_scripts.task"}),
        ({"alwayson_scripts": scripts(override_settings=[])}, {"alwayson_scripts.override_settings"}),
        (
            {"alwayson_scripts": scripts(override_settings={"save_txt": True}), "override_settings": {"tiling": 7}},
            {"alwayson_scripts.override_settings.save_txt", "override_settings.tiling"},
        ),
        ({"alwayson_scripts": scripts(sd_vae="http://x/")}, {"alwayson_scripts.sd_vae"}),
        (
            {"alwayson_scripts": scripts(task="image-to-image", image_link=" http://x/\ny")},
            {"alwayson_scripts.image_link", "init_images"},
        ),
        ({"alwayson_scripts": scripts(), "width": 9999}, {"width"}),
        ({"alwayson_scripts": scripts(task="image-to-image")}, {"init_images"}),
        (
            {"alwayson_scripts": scripts(sd_model_checkpoint="nope.safetensors")},
            {"alwayson_scripts.sd_model_checkpoint"},
        ),
    ],
)
def test_errors_name_what_the_sender_wrote(body: dict[str, Any], fields: set[str]) -> None:
    with pytest.raises(InvalidTask) as refusal:
        parse(body)
    assert {detail.field for detail in refusal.value.details} == fields


def test_an_unknown_model_says_what_is_served() -> None:
    with pytest.raises(InvalidTask, match=r"v1-5-pruned-emaonly\.safetensors") as refusal:
        parse({"alwayson_scripts": scripts(sd_model_checkpoint="nope.safetensors")})
    assert refusal.value.as_dict()["code"] == "unknown_model"
