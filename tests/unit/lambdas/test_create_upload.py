"""Forms for uploads: what they are signed for, and what is no request for one."""

import base64
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
import pytest

from contract.errors import InvalidJson, InvalidTask
from contract.tenancy import SHARED
from contract.upload import MAX_UPLOAD_BYTES, UPLOAD_TYPES
from lambdas.create_upload.upload_forms import FORM_SECONDS, CreatedUpload, upload_form

CreateUpload = Callable[..., CreatedUpload]
NOW_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def s3() -> Any:
    """Signing needs no server."""
    return boto3.client("s3")


@pytest.fixture
def create(s3: Any) -> CreateUpload:
    names = iter(["one", "two"])
    return partial(upload_form, client=s3, bucket="task-bucket", now_ms=NOW_MS, new_name=names.__next__)


@pytest.mark.parametrize("content_type", UPLOAD_TYPES)
def test_a_form_is_for_one_name_one_type_and_a_size(create: CreateUpload, content_type: str) -> None:
    answer = create(json.dumps({"content_type": content_type}), tenant=SHARED.name)
    key = f"uploads/one.{UPLOAD_TYPES[content_type]}"
    assert answer["link"] == f"s3://task-bucket/{key}"
    assert answer["expires_at"] == "2023-11-14T22:28:20Z"
    fields = answer["upload"]["fields"]
    assert (fields["key"], fields["Content-Type"]) == (key, content_type)
    conditions = json.loads(base64.b64decode(fields["policy"]))["conditions"]
    assert {"key": key} in conditions
    assert {"Content-Type": content_type} in conditions
    assert ["content-length-range", 1, MAX_UPLOAD_BYTES] in conditions
    assert {"bucket": "task-bucket"} in conditions
    assert FORM_SECONDS < 3600


def test_an_upload_lies_below_the_name_of_its_tenant(create: CreateUpload) -> None:
    answer = create('{"content_type": "image/png"}', tenant="shop")
    assert answer["link"] == "s3://task-bucket/uploads/shop/one.png"


def test_each_has_a_name_of_its_own(create: CreateUpload) -> None:
    links = {create('{"content_type": "image/png"}', tenant=SHARED.name)["link"] for _ in range(2)}
    assert len(links) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("{}", "content_type"),
        ('{"content_type": null}', "content_type"),
        ('{"content_type": "text/html"}', "content_type"),
        ('{"content_type": ["image/png"]}', "content_type"),
        ('{"content_type": "image/png", "key": "messages/x"}', "key"),
    ],
)
def test_what_cannot_be_uploaded(create: CreateUpload, body: str, field: str) -> None:
    with pytest.raises(InvalidTask) as refusal:
        create(body, tenant=SHARED.name)
    assert [detail.field for detail in refusal.value.details] == [field]


def test_what_is_no_request(create: CreateUpload) -> None:
    for body in ("", "[]", "{"):
        with pytest.raises(InvalidJson):
            create(body, tenant=SHARED.name)
