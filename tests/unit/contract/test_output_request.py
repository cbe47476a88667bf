"""Every broken `output` is named as its sender wrote it, whatever the format of the request."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from contract.errors import InvalidTask
from contract.submission import parse_submission
from tests.unit.contract.test_submission import CATALOGUE, IN_BUCKET, task


def submit(output: object) -> dict[str, Any]:
    submission = parse_submission(
        task(output=output), catalogue=CATALOGUE, find_checkpoint=IN_BUCKET.get, has_object=lambda _: True
    )
    return submission.task.metadata.output.model_dump(exclude_defaults=True)


@pytest.mark.parametrize(
    "output",
    [
        {},
        {"format": "webp", "quality": 1},
        {"format": "avif"},
        {"metadata": False, "thumbnails": False},
        {"destination": "s3://gallery/cats/ä b"},
        {"put_links": ("https://gallery.example/1?signature=a%2Fb",)},
    ],
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
        ({"destination": "https://gallery/cats"}, "task.metadata.output.destination", "write s3://bucket/folder"),
        ({"destination": "s3://gallery"}, "task.metadata.output.destination", "write s3://bucket/folder"),
        ({"destination": "s3://Gallery/cats"}, "task.metadata.output.destination", "write s3://bucket/folder"),
        ({"destination": "s3://gallery/a/../b"}, "task.metadata.output.destination", "'..' are not allowed"),
        ({"destination": "s3://gallery/a//b"}, "task.metadata.output.destination", "single slashes"),
        ({"destination": "s3://gallery/a\nb"}, "task.metadata.output.destination", "control characters"),
        ({"put_links": ["http://a.example/1"]}, "task.metadata.output.put_links[0]", "https://"),
        ({"put_links": ["https://me:pass@a.example/1"]}, "task.metadata.output.put_links[0]", "credentials"),
        ({"put_links": ["https://a.example/1"] * 65}, "task.metadata.output.put_links", "64"),
        # Without an error for each link, of which a million would use up the memory of the function.
        ({"put_links": ["x"] * 65}, "task.metadata.output.put_links", "write at most 64 entries"),
        (
            {"put_links": ["https://a.example/1"], "destination": "s3://gallery/cats"},
            "task.metadata.output.put_links",
            "one of the two",
        ),
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
        "has_object": lambda _: True,
        "runtime_name": "sdruntime",
        "generated_id": "a",
    }

    made = parse_submission({**body, "output": {"format": "jpeg"}}, **options)
    assert made.task.metadata.output.format == "jpeg"
    with pytest.raises(InvalidTask) as refused:
        parse_submission({**body, "output": {"format": "gif"}}, **options)
    assert [error.field for error in refused.value.details] == ["output.format"]


def test_each_picture_needs_a_link() -> None:
    links = ["https://a.example/1", "https://a.example/2"]
    content = {"prompt": "x", "batch_size": 3}
    with pytest.raises(InvalidTask) as refused:
        parse_submission(
            task(content, output={"put_links": links}),
            catalogue=CATALOGUE,
            find_checkpoint=IN_BUCKET.get,
            has_object=lambda _: True,
        )
    (error,) = refused.value.details
    assert (error.field, error.message) == (
        "task.metadata.output.put_links",
        "has 2 links; the task makes 3 pictures",
    )


def test_the_requests_of_the_document_are_accepted() -> None:
    text = (Path(__file__).parents[3] / "docs" / "how-to" / "outputs.md").read_text()
    requests = [json.loads(block) for block in re.findall(r"```json\n(\{\"task\".*?)```", text, re.DOTALL)]

    for request in requests:
        parse_submission(request, catalogue=CATALOGUE, find_checkpoint=IN_BUCKET.get, has_object=lambda _: True)
    assert len(requests) == 2
