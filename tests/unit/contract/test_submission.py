import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import FieldError, InvalidTask
from contract.formats import Format
from contract.routing import Catalogue, Limits, Runtime
from contract.submission import Submission, parse_submission
from contract.task import TaskType

CATALOGUE = Catalogue(
    [
        Runtime(
            name="sdruntime", model_filename="v1-5-pruned-emaonly.safetensors", limits=Limits(width=1024, height=1024)
        ),
        Runtime(name="dynamic", dynamic_model=True),
    ]
)
#: The beginning of a PNG.
PICTURE = "iVBORw0KGgo="
#: Names of a checkpoint that the model bucket knows.
IN_BUCKET = {
    "painting.safetensors": "painting.safetensors",
    "painting.safetensors [abc123]": "painting.safetensors",
    "6ce0161689": "v1-5-pruned-emaonly.safetensors",
    "photo": "sub/photo.safetensors",
    "sub/photo.safetensors": "sub/photo.safetensors",
}


def parse(body: dict[str, Any], **options: Any) -> Submission:
    return parse_submission(
        body, catalogue=CATALOGUE, find_checkpoint=IN_BUCKET.get, has_object=lambda _: True, **options
    )


def refusals(body: dict[str, Any], **options: Any) -> dict[str, str]:
    with pytest.raises(InvalidTask) as refusal:
        parse(body, **options)
    return {detail.field: detail.message for detail in refusal.value.details}


def task(content: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    body = {"id": "test-t2i", "runtime": "sdruntime", "tasktype": "text-to-image"} | metadata
    return {"task": {"metadata": body, "content": {"prompt": "A dog"} if content is None else content}}


def test_a_v1alpha2_task_with_and_without_its_wrapper() -> None:
    body = task(prefix="/output/", context={"abc": 123})
    for form in (body, body["task"]):
        submission = parse(form)
        assert submission.format is Format.V1ALPHA2
        assert submission.task.metadata.id == "test-t2i"
        assert submission.task.metadata.prefix == "output"
        assert submission.task.metadata.context == {"abc": 123}
        assert submission.task.metadata.policy.execution_timeout_ms == 600_000
        assert submission.task.content == {"prompt": "A dog"}
        assert submission.checkpoint == "v1-5-pruned-emaonly.safetensors"


def test_null_in_an_optional_field_means_absent() -> None:
    metadata = parse(task(prefix=None, context=None, webhook=None, policy=None)).task.metadata
    assert metadata.prefix == "output"
    assert metadata.policy.ttl_ms == 24 * 3600 * 1000
    nulls = {
        "policy": dict.fromkeys(["executionTimeout", "ttl", "lowPriority", "preview"]),
        "output": dict.fromkeys(["format", "quality", "metadata", "thumbnails", "destination", "put_links"]),
    }
    assert parse(task(**nulls)).task == parse(task()).task


def test_every_broken_field_is_reported_at_once() -> None:
    found = refusals(
        task(
            {"width": 4096, "steps": "many"},
            id="../x",
            prefix="a//b",
            webhook="http://example.com",
            context="x" * 32_768,
            policy={"executionTimeout": 1, "ttl": 10**12},
        )
    )
    assert set(found) == {
        "task.metadata.id",
        "task.metadata.prefix",
        "task.metadata.webhook",
        "task.metadata.context",
        "task.metadata.policy.executionTimeout",
        "task.metadata.policy.ttl",
        "task.content.width",
        "task.content.steps",
    }


def test_missing_fields_are_each_named() -> None:
    assert refusals({"task": {"metadata": {}, "content": {}}}) == {
        "task.metadata.id": "is required",
        "task.metadata.runtime": "is required",
        "task.metadata.tasktype": "is required",
    }


def test_an_unknown_runtime_lists_the_configured_ones() -> None:
    with pytest.raises(InvalidTask) as refusal:
        parse(task(runtime="sdxl"))
    assert refusal.value.as_dict()["code"] == "unknown_runtime"
    assert "configured: dynamic, sdruntime" in refusal.value.message


@pytest.mark.parametrize(
    ("id_", "accepted"),
    [
        ("a", "a"),
        (12, "12"),
        ("A.b_c-9", "A.b_c-9"),
        ("x" * 128, "x" * 128),
        ("x" * 129, None),
        ("", None),
        ("-a", None),
        (".a", None),
        ("a..b", None),
        ("a/b", None),
        ("a b", None),
        ("a\n", None),
        ("ä", None),
        ("٣", None),
        (1.5, None),
        (True, None),
        (["a"], None),
    ],
)
def test_ids(id_: object, accepted: str | None) -> None:
    if accepted is None:
        assert set(refusals(task(id=id_))) == {"task.metadata.id"}
    else:
        assert parse(task(id=id_)).task.metadata.id == accepted


@pytest.mark.parametrize(
    "prefix", ["", "/", "a/../b", "..", "./a", "a//b", "a\x00b", "a\nb", "\x85", "ü" * 257, "\ud800", 5]
)
def test_prefixes_that_are_refused(prefix: object) -> None:
    assert set(refusals(task(prefix=prefix))) == {"task.metadata.prefix"}


@pytest.mark.parametrize(("prefix", "kept"), [("a/b/", "a/b"), ("//x", "x"), ("ü" * 256, "ü" * 256), ("a..b", "a..b")])
def test_prefixes_that_are_accepted(prefix: str, kept: str) -> None:
    assert parse(task(prefix=prefix)).task.metadata.prefix == kept


@pytest.mark.parametrize(
    ("webhook", "reason"),
    [
        ("http://example.com", "must be an https:// URL"),
        ("https://", "must be an https:// URL"),
        ("ftp://a", "must be an https:// URL"),
        ("https://user:pw@a.example", "must not hold credentials"),
        ("https://a b", "spaces and control characters"),
        ("https://a.example/\x7f", "spaces and control characters"),
        ("https://a.example/\ud800", "is not valid Unicode text"),
        ("https://[::1", "is not a URL"),
        ("https://a:x/", "is not a URL"),
        ("https://a.example/".ljust(2049, "a"), "is 2049 characters long; 2048 are allowed"),
        (7, "is 7; write text"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_webhooks_that_are_refused(webhook: object, reason: str) -> None:
    ((field, message),) = refusals(task(webhook=webhook)).items()
    assert field == "task.metadata.webhook"
    assert message.startswith(reason)


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        ({"width": 1025}, {"width"}),
        ({"width": 0, "height": -8}, {"width", "height"}),
        ({"width": "99999"}, {"width"}),
        ({"width": []}, {"width"}),
        ({"n_iter": 9, "batch_size": 9}, {"n_iter", "batch_size"}),
        ({"steps": 151}, {"steps"}),
        ({"width": 1024.0, "height": 768}, set()),
        ({"enable_hr": True}, set()),
        ({"enable_hr": True, "hr_scale": 4}, {"hr_scale"}),
        ({"enable_hr": True, "hr_scale": 4, "hr_resize_x": 1024}, set()),
        ({"enable_hr": True, "hr_resize_y": 4096}, {"hr_resize_y"}),
        ({"enable_hr": True, "hr_second_pass_steps": 900}, {"hr_second_pass_steps"}),
        ({"hr_scale": 4}, set()),
        ({"enable_hr": "True", "hr_scale": "4"}, {"hr_scale"}),
        ({"enable_hr": 1, "hr_scale": "3", "hr_resize_x": None}, {"hr_scale"}),
    ],
)
def test_limits_of_the_runtime(content: dict[str, Any], fields: set[str]) -> None:
    if fields:
        assert set(refusals(task(content))) == {f"task.content.{field}" for field in fields}
    else:
        assert parse(task(content)).task.content == content


def test_an_infotext_is_checked_as_the_fields_that_it_fills_in() -> None:
    infotext = "a dog\nSteps: 10000, Size: 16384x64, Seed: 1"
    assert refusals(task({"infotext": infotext})) == {
        "task.content.infotext": "width is 16384; this runtime accepts 1 to 1024"
    }
    content = parse(task({"infotext": infotext, "steps": 10, "width": 64})).task.content
    assert content["height"] == 64
    assert "infotext" not in content


def test_the_options_of_an_infotext_are_read_as_numbers() -> None:
    content = parse(task({"infotext": "a dog\nSteps: 1, Seed: 1, Clip skip: 2, ENSD: 31337"})).task.content
    assert content["override_settings"] == {"CLIP_stop_at_last_layers": 2, "eta_noise_seed_delta": 31337}


@pytest.mark.parametrize("name", ["Clip skip", "ENSD", "Steps"])
def test_a_number_of_thousands_of_digits_in_an_infotext_is_refused(name: str) -> None:
    """Python converts no text of more than 4,300 digits, and the error of an option was answered with status 500."""
    infotext = f"a dog\nVAE: None, Seed: 1, {name}: {'9' * 5000}"
    assert set(refusals(task({"infotext": infotext}))) == {"task.content.infotext"}


def test_a_task_runs_no_longer_than_its_runtime_allows() -> None:
    catalogue = Catalogue([Runtime(name="sdruntime", model_filename="a.safetensors", longest_task_seconds=300)])

    def timeout(**policy: int) -> int:
        submission = parse_submission(
            task(policy=policy), catalogue=catalogue, find_checkpoint=lambda _: None, has_object=lambda _: True
        )
        return submission.task.metadata.policy.execution_timeout_ms

    assert [timeout(), timeout(executionTimeout=299_000)] == [300_000, 299_000]
    with pytest.raises(InvalidTask) as refusal:
        timeout(executionTimeout=300_001)
    assert refusal.value.details == (
        FieldError(
            "task.metadata.policy.executionTimeout",
            "is 300001; tasks of runtime sdruntime may run for 300000 at most",
            "limit_exceeded",
        ),
    )


def test_an_exceeded_limit_has_its_own_code_and_says_what_is_accepted() -> None:
    with pytest.raises(InvalidTask) as refusal:
        parse(task({"width": 4096}))
    error = refusal.value.as_dict()
    assert error["code"] == "limit_exceeded"
    assert error["details"] == [{"field": "task.content.width", "message": "is 4096; this runtime accepts 1 to 1024"}]


@pytest.mark.parametrize("content", [{}, {"init_images": []}, {"init_images": "x"}, {"init_images": None}])
def test_image_to_image_needs_an_input_picture(content: dict[str, Any]) -> None:
    assert set(refusals(task(content, tasktype="image-to-image"))) == {"task.content.init_images"}


def test_an_image_link_that_is_null_is_no_picture() -> None:
    scripts = {"image_link": None}
    assert parse(task({"alwayson_scripts": scripts})).task.content == {"alwayson_scripts": {}}
    body = task({"alwayson_scripts": scripts}, tasktype="image-to-image")
    assert set(refusals(body)) == {"task.content.init_images"}


def test_an_image_link_becomes_the_first_input_picture() -> None:
    content = {"alwayson_scripts": {"image_link": "s3://b/k", "ControlNet": {"args": []}}, "init_images": [PICTURE]}
    original = copy.deepcopy(content)
    submission = parse(task(content, tasktype="image-to-image"))
    assert submission.task.content == {
        "alwayson_scripts": {"ControlNet": {"args": []}},
        "init_images": ["s3://b/k", PICTURE],
    }
    assert content == original


def test_an_upscaling_of_no_picture_is_refused() -> None:
    body = task({"imageList": []}, tasktype="extra-batch-images")
    assert refusals(body) == {"task.content.imageList": "has 0 entries; write at least 1"}


@pytest.mark.parametrize(
    ("tasktype", "field"),
    [("extra-single-image", "image"), ("extra-batch-images", "imageList"), ("interrogate", "image")],
)
@pytest.mark.parametrize("is_null", [False, True])
def test_a_call_without_its_picture_is_refused(tasktype: str, field: str, is_null: bool) -> None:
    refused = refusals(task({field: None} if is_null else {}, tasktype=tasktype))
    assert list(refused) == [f"task.content.{field}"]
    assert refused[f"task.content.{field}"].startswith("is required: ")


def test_the_alias_of_extra_batch_images() -> None:
    content = {"imageList": [{"data": "https://a/b.png", "name": "b.png"}]}
    assert parse(task(content, tasktype="extra-batch-image")).task.metadata.tasktype is TaskType.EXTRA_BATCH_IMAGES


@pytest.mark.parametrize(
    ("runtime", "content", "checkpoint"),
    [
        ("dynamic", {"alwayson_scripts": {"sd_model_checkpoint": "painting.safetensors"}}, "painting.safetensors"),
        (
            "dynamic",
            {"alwayson_scripts": {"sd_model_checkpoint": "painting.safetensors [abc123]"}},
            "painting.safetensors",
        ),
        ("dynamic", {"override_settings": {"sd_model_checkpoint": "sub/photo.safetensors"}}, "sub/photo.safetensors"),
        ("dynamic", {"override_settings": {"sd_model_checkpoint": "photo"}}, "sub/photo.safetensors"),
        (
            "sdruntime",
            {"override_settings": {"sd_model_checkpoint": "6ce0161689"}},
            "v1-5-pruned-emaonly.safetensors",
        ),
        (
            "sdruntime",
            {"alwayson_scripts": {"sd_model_checkpoint": "v1-5-pruned-emaonly"}},
            "v1-5-pruned-emaonly.safetensors",
        ),
    ],
)
def test_a_named_checkpoint_is_taken_out_of_the_content(runtime: str, content: dict[str, Any], checkpoint: str) -> None:
    submission = parse(task(content, runtime=runtime))
    assert submission.checkpoint == checkpoint
    assert "sd_model_checkpoint" not in str(submission.task.content)


@pytest.mark.parametrize(
    "name", ["missing.safetensors", "../painting.safetensors", "/etc/passwd", "a\nb", 5, "x" * 300]
)
def test_a_checkpoint_that_is_not_there_is_refused(name: object) -> None:
    found = refusals(task({"alwayson_scripts": {"sd_model_checkpoint": name}}, runtime="dynamic"))
    assert set(found) == {"task.content.alwayson_scripts.sd_model_checkpoint"}


def test_a_dynamic_runtime_needs_a_named_checkpoint_to_generate_only() -> None:
    assert "must name its model" in str(refusals(task(runtime="dynamic")))
    assert parse(task({"image": PICTURE}, runtime="dynamic", tasktype="png-info")).checkpoint is None


def test_a_static_runtime_refuses_another_checkpoint() -> None:
    found = refusals(task({"override_settings": {"sd_model_checkpoint": "painting.safetensors"}}))
    assert "serves v1-5-pruned-emaonly.safetensors only" in str(found)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "task"),
        ({"task": []}, "task"),
        ({"task": {"metadata": [], "content": {}}}, "task.metadata"),
        (task() | {"task": task()["task"] | {"content": []}}, "task.content"),
        (task({"alwayson_scripts": []}), "task.content.alwayson_scripts"),
    ],
)
def test_bodies_of_another_shape(body: dict[str, Any], field: str) -> None:
    assert set(refusals(body)) == {field}


metadata_values = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=40) | st.dictionaries(st.text(), st.integers())
)
hostile_metadata = st.dictionaries(
    st.sampled_from(["id", "runtime", "tasktype", "prefix", "context", "webhook", "policy"]), metadata_values
)
hostile_content = st.dictionaries(
    st.sampled_from(
        ["alwayson_scripts", "override_settings", "init_images", "width", "enable_hr", "hr_scale", "api", "payload"]
    ),
    metadata_values
    | st.dictionaries(
        st.sampled_from(["sd_model_checkpoint", "image_link", "task", "id_task", "method"]), metadata_values
    ),
)


@given(
    st.fixed_dictionaries({"metadata": hostile_metadata, "content": hostile_content | metadata_values})
    | hostile_content
    # Only of these are some accepted.
    | hostile_content.map(task)
    | st.fixed_dictionaries({"input": hostile_content | metadata_values}),
    st.sampled_from([None, *Format]),
)
def test_no_body_raises_anything_but_our_error(body: dict[str, Any], format_: Format | None) -> None:
    try:
        submission = parse(body, format_=format_, runtime_name="sdruntime", generated_id="generated")
    except InvalidTask:
        return
    assert submission.task.metadata.runtime in CATALOGUE.runtimes
