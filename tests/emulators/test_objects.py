"""Contracts of S3: conditional writes and reads, presigned addresses, forms and tags."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.emulators.emulated_services import EmulatedServices
from tests.emulators.errors import error_code


class Bucket:
    """The bucket of the stack, with a key for each test."""

    def __init__(self, services: EmulatedServices) -> None:
        self.s3 = services.clients("s3")
        self.name = services.outputs["BucketName"]
        self.key = f"folder/{uuid4().hex}"

    @property
    def location(self) -> dict[str, str]:
        return {"Bucket": self.name, "Key": self.key}

    def put(self, body: bytes = b"content", **options: Any) -> Any:
        return self.s3.put_object(**self.location, Body=body, **options)

    def get(self, **options: Any) -> Any:
        return self.s3.get_object(**self.location, **options)

    def presigned(self, method: str, *, seconds: int = 60, **parameters: Any) -> str:
        return str(self.s3.generate_presigned_url(method, Params=self.location | parameters, ExpiresIn=seconds))


@pytest.fixture
def bucket(services: EmulatedServices) -> Bucket:
    return Bucket(services)


def test_a_write_of_a_new_object_never_replaces_one(bucket: Bucket) -> None:
    bucket.put(b"first", IfNoneMatch="*")
    assert error_code(lambda: bucket.put(b"second", IfNoneMatch="*")) == "PreconditionFailed"
    assert bucket.get()["Body"].read() == b"first"


def test_a_read_of_a_replaced_object_is_refused(bucket: Bucket) -> None:
    etag = bucket.put(b"first")["ETag"]
    assert bucket.get(IfMatch=etag)["ETag"] == etag
    bucket.put(b"second")
    assert error_code(lambda: bucket.get(IfMatch=etag)) == "PreconditionFailed"


def test_a_part_of_an_object(bucket: Bucket) -> None:
    bucket.put(b"0123456789")
    answer = bucket.get(Range="bytes=2-4")
    assert (answer["Body"].read(), answer["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert error_code(lambda: bucket.get(Range="bytes=10-")) == "InvalidRange"


def test_an_object_that_is_missing(bucket: Bucket) -> None:
    assert error_code(bucket.get) == "NoSuchKey"
    assert error_code(lambda: bucket.s3.head_object(**bucket.location)) == "404"
    # Deleting it is no error.
    bucket.s3.delete_object(**bucket.location)


def test_metadata_type_and_tags(bucket: Bucket) -> None:
    bucket.put(ContentType="image/png", Metadata={"tenant": "first"}, Tagging="state=new")
    head = bucket.s3.head_object(**bucket.location)
    assert (head["ContentType"], head["Metadata"]) == ("image/png", {"tenant": "first"})
    bucket.s3.put_object_tagging(**bucket.location, Tagging={"TagSet": [{"Key": "state", "Value": "used"}]})
    assert bucket.s3.get_object_tagging(**bucket.location)["TagSet"] == [{"Key": "state", "Value": "used"}]


def test_tags_of_a_bucket(bucket: Bucket) -> None:
    name = f"tags-{uuid4().hex}"
    bucket.s3.create_bucket(Bucket=name)
    assert error_code(lambda: bucket.s3.get_bucket_tagging(Bucket=name)) == "NoSuchTagSet"
    bucket.s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert bucket.s3.get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "a", "Value": "b"}]


def test_a_presigned_address_reads(bucket: Bucket) -> None:
    bucket.put(b"content", ContentType="image/png")
    response = httpx.get(bucket.presigned("get_object"), timeout=60)
    assert (response.content, response.headers["content-type"]) == (b"content", "image/png")


def test_a_presigned_address_writes(bucket: Bucket) -> None:
    headers = {"content-type": "image/png"}
    url = bucket.presigned("put_object", ContentType="image/png")
    assert httpx.put(url, content=b"content", headers=headers, timeout=60).status_code == 200
    assert bucket.get()["ContentType"] == "image/png"


def test_a_presigned_write_keeps_its_condition(bucket: Bucket) -> None:
    bucket.put(b"first")
    url = bucket.presigned("put_object", IfNoneMatch="*")
    assert httpx.put(url, content=b"second", headers={"if-none-match": "*"}, timeout=60).status_code == 412
    assert bucket.get()["Body"].read() == b"first"


def test_an_expired_address_is_refused(bucket: Bucket) -> None:
    bucket.put()
    assert httpx.get(bucket.presigned("get_object", seconds=-1), timeout=60).status_code == 403


@pytest.mark.parametrize(
    ("size", "content_type", "status"),
    [(10, "image/png", 204), (11, "image/png", 400), (10, "text/html", 403)],
    ids=["allowed", "too large", "other type"],
)
def test_a_form_accepts_what_its_policy_allows(bucket: Bucket, size: int, content_type: str, status: int) -> None:
    form = bucket.s3.generate_presigned_post(
        bucket.name,
        bucket.key,
        Fields={"Content-Type": "image/png"},
        Conditions=[{"Content-Type": "image/png"}, ["content-length-range", 1, 10]],
        ExpiresIn=60,
    )
    fields = form["fields"] | {"Content-Type": content_type}
    response = httpx.post(form["url"], data=fields, files={"file": b"x" * size}, timeout=60)
    assert response.status_code == status
    assert (error_code(bucket.get) == "no error") == (status == 204)


def test_a_list_has_the_keys_of_its_prefix_page_by_page(bucket: Bucket) -> None:
    prefix = bucket.key
    for name in ("b", "a", "c"):
        bucket.key = f"{prefix}/{name}"
        bucket.put()
    pages = bucket.s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket.name, Prefix=f"{prefix}/", PaginationConfig={"PageSize": 2}
    )
    assert [[entry["Key"][-1] for entry in page["Contents"]] for page in pages] == [["a", "b"], ["c"]]


def test_an_upload_in_parts(bucket: Bucket) -> None:
    upload = bucket.s3.create_multipart_upload(**bucket.location)["UploadId"]
    parts = []
    for number, body in enumerate((b"x" * 5 * 1024 * 1024, b"end"), 1):
        answer = bucket.s3.upload_part(**bucket.location, UploadId=upload, PartNumber=number, Body=body)
        parts.append({"ETag": answer["ETag"], "PartNumber": number})
    assert error_code(bucket.get) == "NoSuchKey"
    bucket.s3.complete_multipart_upload(**bucket.location, UploadId=upload, MultipartUpload={"Parts": parts})
    assert bucket.get(Range="bytes=-3")["Body"].read() == b"end"
