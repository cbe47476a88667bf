"""Every broken `output` is named as its sender wrote it, whatever the format of the request."""

from typing import Any

import pytest

from contract.errors import InvalidTask
from contract.submission import parse_submission
from tests.unit.contract.test_submission import CATALOGUE, IN_BUCKET, task


def submit(output: object) -> dict[str, Any]:
    submission = parse_submission(task(output=output), catalogue=CATALOGUE, find_checkpoint=IN_BUCKET.get)
    return submission.task.metadata.output.model_dump(exclude_defaults=True)


@pytest.mark.parametrize(
    "output",
    [{}, {"format": "webp", "quality": 1}, {"format": "avif"}, {"metadata": False, "thumbnails": False}],
)
def test_an_output_that_makes_sense_is_kept(output: dict[str, Any]) -> None:
    assert submit(output) == output


def test_null_is_the_default() -> None:
    assert submit(None) == {}


@pytest.mark.parametrize(
    ("output", "field", "message"),
    [
        ("webp", "task.metadata.output", "write keys and values"),
        ({"format": "gif"}, "task.metadata.output.format", "avif"),
        ({"format": "jpg"}, "task.metadata.output.format", "jpeg"),
        ({"format": "jpeg", "quality": 0}, "task.metadata.output.quality", "1"),
        ({"format": "jpeg", "quality": 101}, "task.metadata.output.quality", "100"),
        ({"format": "png", "quality": 90}, "task.metadata.output.quality", "keeps every detail"),
        ({"quality": 90}, "task.metadata.output.quality", "needs a `format`"),
        ({"metadata": "perhaps"}, "task.metadata.output.metadata", "perhaps"),
        ({"formt": "png"}, "task.metadata.output.formt", "did you mean 'format'?"),
    ],
)
def test_a_broken_output_is_named(output: object, field: str, message: str) -> None:
    with pytest.raises(InvalidTask) as refused:
        submit(output)
    (error,) = refused.value.details
    assert error.field == field
    assert message in error.message


def test_a_runpod_request_has_it_next_to_its_policy() -> None:
    body = {"input": {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}, "payload": {"prompt": "x"}}}
    options: dict[str, Any] = {
        "catalogue": CATALOGUE,
        "find_checkpoint": IN_BUCKET.get,
        "runtime_name": "sdruntime",
        "generated_id": "a",
    }

    made = parse_submission({**body, "output": {"format": "jpeg"}}, **options)
    assert made.task.metadata.output.format == "jpeg"
    with pytest.raises(InvalidTask) as refused:
        parse_submission({**body, "output": {"format": "gif"}}, **options)
    assert [error.field for error in refused.value.details] == ["output.format"]
