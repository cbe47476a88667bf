import base64
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from contract.record import Record, Status
from lambdas.tasks.output_bucket import OutputBucket, OutputGone
from lambdas.tasks.webui_responses import webui_response
from tests.harness.records import make_record
from tests.unit.lambdas.harness import Harness

Answers = Callable[..., Any]
REST = {"info": '{"prompt": "A \\"dog\\""}', "parameters": {"init_images": None, "width": 64}}


def record(*pictures: str, endpoint: str = "sdapi/v1/txt2img", output_url: str | None = "s3://out/a.out") -> Record:
    return make_record(
        status=Status.COMPLETED,
        tasktype="webui-api",
        format="runpod",
        endpoint=endpoint,
        image_urls=tuple(f"s3://out/{name}" for name in pictures),
        output_url=output_url,
    )


@pytest.fixture
def answers(harness: Harness) -> Answers:
    harness.s3.create_bucket(Bucket="out")
    harness.s3.put_object(Bucket="out", Key="a.out", Body=json.dumps(REST))
    harness.s3.put_object(Bucket="out", Key="list.out", Body=b'[{"name": "Euler a"}]')
    harness.s3.put_object(Bucket="out", Key="null.out", Body=b"null")
    for number in (1, 2):
        harness.s3.put_object(Bucket="out", Key=f"a-{number}.png", Body=bytes([number]) * 300)
    return partial(webui_response, outputs=OutputBucket(client=harness.s3))


def test_pictures_are_inline_as_the_web_ui_sent_them(answers: Answers) -> None:
    answer = answers(record("a-1.png", "a-2.png"))
    assert list(answer) == ["images", "info", "parameters"]
    assert [base64.b64decode(image) for image in answer["images"]] == [b"\x01" * 300, b"\x02" * 300]
    assert answer["info"] == REST["info"]
    assert answer["parameters"] == REST["parameters"]


def test_one_picture_of_extras_is_not_a_list(answers: Answers) -> None:
    answer = answers(record("a-1.png", endpoint="sdapi/v1/extra-single-image"))
    assert base64.b64decode(answer["image"]) == b"\x01" * 300
    assert "images" not in answer


def test_what_does_not_fit_comes_as_links(answers: Answers) -> None:
    whole = len(json.dumps(json.dumps(answers(record("a-1.png", "a-2.png")))))
    for max_bytes in (whole - 100, 0):
        answer = answers(record("a-1.png", "a-2.png"), max_bytes=max_bytes)
        assert answer["image_format"] == "url"
        assert [link.partition("?")[0].rpartition("/")[2] for link in answer["images"]] == ["a-1.png", "a-2.png"]
        assert all(link.startswith("https://") and "Signature=" in link for link in answer["images"])
    assert "image_format" not in answers(record("a-1.png", "a-2.png"), max_bytes=whole + 100)


def test_a_rest_that_alone_is_too_large_is_linked_with_the_pictures(answers: Answers) -> None:
    answer = answers(record("a-1.png"), max_bytes=len(json.dumps(json.dumps(REST))) - 1)
    assert set(answer) == {"images", "image_format", "response_url"}
    assert [answer["image_format"], answer["response_url"].partition("?")[0].rpartition("/")[2]] == ["url", "a.out"]
    assert "a-1.png?" in answer["images"][0]


def test_a_list_that_is_too_large_is_linked(answers: Answers) -> None:
    answer = answers(record(output_url="s3://out/list.out"), max_bytes=20)
    assert set(answer) == {"response_url"}
    assert "list.out?" in answer["response_url"]


@pytest.mark.parametrize("key", ["a.out", "a-2.png"])
def test_outputs_that_were_deleted_are_gone(answers: Answers, harness: Harness, key: str) -> None:
    harness.s3.delete_object(Bucket="out", Key=key)
    with pytest.raises(OutputGone, match=f"s3://out/{key}"):
        answers(record("a-1.png", "a-2.png"))


@pytest.mark.parametrize(("name", "value"), [("list.out", [{"name": "Euler a"}]), ("null.out", None)])
def test_answers_without_pictures_are_as_they_were(answers: Answers, name: str, value: object) -> None:
    assert answers(record(output_url=f"s3://out/{name}")) == value


def test_a_task_without_an_answer(answers: Answers) -> None:
    assert answers(record(output_url=None)) is None


def test_a_list_that_was_cut_names_the_list_of_all(answers: Answers) -> None:
    cut = record("a-1.png", "a-2.png").model_copy(
        update={"image_count": 900, "manifest_url": "s3://out/a-manifest.json"}
    )
    answer = answers(cut)
    assert (len(answer["images"]), answer["image_count"], answer["image_format"]) == (2, 900, "url")
    assert answer["manifest_url"].partition("?")[0].endswith("/a-manifest.json")
