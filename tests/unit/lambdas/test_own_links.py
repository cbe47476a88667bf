"""Links into the environment's own buckets: which objects a tenant may use, and in which version."""

import json
from typing import Any

import pytest

from contract.errors import InvalidTask
from contract.formats import Format
from contract.message import TaskMessage
from contract.record import Record
from contract.tenancy import SHARED, Tenant
from tests.unit.lambdas.harness import Harness, MakeTask

SHOP, BOSS = Tenant("shop"), Tenant("boss", ("shop", "guest"))
UPLOAD = "s3://task-bucket/uploads/shop/one.png"
OUTPUT = "s3://output-bucket/output/a/a-0123456789abcdef-1.png"


@pytest.fixture
def stored(harness: Harness) -> Harness:
    harness.s3.put_object(Bucket="task-bucket", Key="uploads/shop/one.png", Body=b"upload")
    harness.s3.put_object(Bucket="task-bucket", Key="uploads/guest/one.png", Body=b"upload")
    harness.s3.put_object(Bucket="task-bucket", Key="messages/a/0123456789abcdef.json", Body=b"message")
    for name, owner in (("a", {"tenant": "shop"}), ("b", {"tenant": "guest"}), ("c", {})):
        key = f"output/{name}/{name}-0123456789abcdef-1.png"
        harness.s3.put_object(Bucket="output-bucket", Key=key, Body=b"output", Metadata=owner)
    return harness


def submit(harness: Harness, link: str, tenant: Tenant, **options: Any) -> Record:
    metadata = {"id": "with-link", "runtime": "sdruntime", "tasktype": "image-to-image"}
    body = {"task": {"metadata": metadata, "content": {"init_images": [link]}}}
    return harness.submit(body, "s", tenant=tenant, **options)


def etags(record: Record) -> dict[str, str]:
    return TaskMessage.model_validate(json.loads(record.message or "")).etags


@pytest.mark.parametrize(
    ("link", "tenant"),
    [
        (UPLOAD, SHOP),
        (UPLOAD.replace("s3", "S3"), SHOP),
        (OUTPUT, SHOP),
        (UPLOAD, BOSS),
        (OUTPUT, BOSS),
        (UPLOAD, SHARED),
        (OUTPUT, SHARED),
        ("s3://output-bucket/output/c/c-0123456789abcdef-1.png", SHARED),
    ],
)
def test_a_link_of_the_tenant_is_pinned_to_the_object_of_this_moment(
    stored: Harness, link: str, tenant: Tenant
) -> None:
    key = "uploads/shop/one.png" if "upload" in link else link.partition("output-bucket/")[2]
    bucket = "task-bucket" if "upload" in link else "output-bucket"
    assert etags(submit(stored, link, tenant)) == {link: stored.s3.head_object(Bucket=bucket, Key=key)["ETag"]}
    # The replicas' role reads only objects with this tag.
    assert stored.s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"] == [{"Key": "linked", "Value": "true"}]


@pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
def test_a_prompt_is_a_text_whatever_it_begins_with(stored: Harness, field: str) -> None:
    metadata = {"id": "poster", "runtime": "sdruntime", "tasktype": "text-to-image"}
    content = {field: "s3://output-bucket/ in neon letters, on a wall"}
    assert etags(stored.submit({"task": {"metadata": metadata, "content": content}}, "s", tenant=SHOP)) == {}


@pytest.mark.parametrize(
    "link",
    [
        UPLOAD.replace("shop", "guest"),
        UPLOAD.replace("shop/", "shop/../guest/"),
        UPLOAD.replace("shop/", ""),
        UPLOAD.replace("one", "missing"),
        "s3://task-bucket/messages/a/0123456789abcdef.json",
        "s3://output-bucket/output/b/b-0123456789abcdef-1.png",
        "s3://output-bucket/output/c/c-0123456789abcdef-1.png",
        "s3://output-bucket/output/missing.png",
    ],
)
def test_a_link_to_what_is_not_the_tenants_is_refused(stored: Harness, link: str) -> None:
    with pytest.raises(InvalidTask, match="leads to no upload or output of yours") as refusal:
        submit(stored, link, SHOP)
    assert [detail.field for detail in refusal.value.details] == ["task.content.init_images[0]"]
    assert refusal.value.as_dict()["code"] == "link_refused"
    assert stored.task_topic.sent == []
    for bucket in ("task-bucket", "output-bucket"):
        for entry in stored.s3.list_objects_v2(Bucket=bucket)["Contents"]:
            assert not stored.s3.get_object_tagging(Bucket=bucket, Key=entry["Key"])["TagSet"]


def test_a_refusal_names_the_field_as_the_sender_wrote_it(stored: Harness, make_task: MakeTask) -> None:
    link = UPLOAD.replace("shop", "guest")
    call = {"api": {"method": "POST", "endpoint": "/sdapi/v1/img2img"}, "payload": {"init_images": [link]}}
    with pytest.raises(InvalidTask) as refusal:
        stored.submit({"input": call}, format_=Format.RUNPOD, runtime_name="sdruntime", generated_id="job", tenant=SHOP)
    assert [detail.field for detail in refusal.value.details] == ["input.payload.init_images[0]"]


def test_no_request_asks_s3_without_end(stored: Harness) -> None:
    metadata = {"id": "a", "runtime": "sdruntime", "tasktype": "image-to-image"}
    links = [f"{UPLOAD}{number}" for number in range(100)]
    with pytest.raises(InvalidTask, match="holds 100 links; 32 are accepted"):
        stored.submit({"task": {"metadata": metadata, "content": {"init_images": links}}}, tenant=SHOP)


@pytest.mark.parametrize("link", ["https://example.com/a.png", "s3://elsewhere/a.png", "s3://task-bucket"])
def test_other_links_are_the_agents_business(stored: Harness, link: str) -> None:
    assert etags(submit(stored, link, SHOP)) == {}
