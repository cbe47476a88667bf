"""Links in a request to the Web UI: how many a task may have."""

from typing import Any

import pytest

from contract.errors import InvalidTask
from contract.submission import parse_submission
from contract.upload import MAX_LINKS
from tests.unit.contract.test_submission import CATALOGUE, IN_BUCKET

LINK = "https://example.com/a.png"


def submit(body: dict[str, Any], **options: Any) -> None:
    parse_submission(body, catalogue=CATALOGUE, find_checkpoint=IN_BUCKET.get, has_object=lambda _: True, **options)


def test_more_links_than_a_replica_fetches_are_refused_at_submission() -> None:
    metadata = {"id": "a", "runtime": "sdruntime", "tasktype": "image-to-image"}
    units = [{"image": LINK}] * 5
    content = {"init_images": [LINK] * (MAX_LINKS - 5), "alwayson_scripts": {"ControlNet": {"args": units}}}
    submit({"task": {"metadata": metadata, "content": content}})
    content["mask"] = LINK
    with pytest.raises(InvalidTask) as refusal:
        submit({"task": {"metadata": metadata, "content": content}})
    assert refusal.value.as_dict() == {
        "code": "limit_exceeded",
        "message": "task.content: holds 33 links; 32 are accepted",
        "details": [{"field": "task.content", "message": "holds 33 links; 32 are accepted"}],
    }


def test_too_many_links_of_a_runpod_request_are_named_as_the_sender_wrote_them() -> None:
    call = {"api": {"method": "POST", "endpoint": "/sdapi/v1/img2img"}}
    body = {"input": call | {"payload": {"init_images": [LINK] * (MAX_LINKS + 1)}}}
    with pytest.raises(InvalidTask) as refusal:
        submit(body, runtime_name="sdruntime", generated_id="job")
    assert [detail.field for detail in refusal.value.details] == ["input.payload"]
