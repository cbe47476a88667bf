"""Uploads never replace an output, neither that of an earlier attempt nor that of the same one."""

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from contract.json_values import compact_json
from contract.picture_list import PictureCopy
from contract.record import Status
from guarded_http.client import GuardedHttp
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.store.output_uploader import OutputUploader
from runtime_image.agent.store.picture_delivery import PictureDelivery
from runtime_image.agent.store.picture_encoder import PictureEncoder
from runtime_image.process.engine import MadeFile, Outputs
from runtime_image.process.logs import EventLog
from runtime_image.process.retry import Retry
from stub_webui.png_images import plain_png
from tests.harness.still_clock import StillClock
from tests.unit.runtime_image.agent.fakes import FakeCall, FakeEngine
from tests.unit.runtime_image.agent.tasks import GENERATION, held_task

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class WriteOnceBucket:
    """Implements S3's conditional write as the role demands it; `answers_lost` of the writes end without an answer."""

    def __init__(self, *, answers_lost: int = 0) -> None:
        self.objects: dict[str, bytes] = {}
        self.types: dict[str, str] = {}
        self.attachments: set[str] = set()
        self._answers_lost = answers_lost

    def put_object(
        self, *, Key: str, Body: bytes, IfNoneMatch: str = "", ContentType: str = "", **more: object
    ) -> None:
        if IfNoneMatch != "*":
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject")
        if Key in self.objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        self.objects[Key], self.types[Key] = Body, ContentType
        if "ContentDisposition" in more:
            self.attachments.add(Key)
        if self._answers_lost:
            self._answers_lost -= 1
            raise ReadTimeoutError(endpoint_url="https://s3")


def upload(
    bucket: WriteOnceBucket,
    *,
    answer: object,
    attempt: int = 1,
    call: FakeCall | None = None,
    output: dict[str, object] | None = None,
) -> ClaimedTask:
    task = held_task("cat", output=output or {})
    task.attempt, task.call, task.answer = attempt, call, answer
    log = EventLog(logging.getLogger("test"))
    clock, storage = StillClock(), cast("S3Client", bucket)
    http = GuardedHttp(resolve=lambda host, _: [host], allowed_hosts=())
    uploader = OutputUploader(
        storage=storage,
        bucket="outputs",
        encoder=PictureEncoder(),
        delivery=PictureDelivery(storage=storage, http=http, clock=clock, log=log),
        retry=Retry(clock=clock, log=log),
        log=log,
    )
    uploader.run(task)
    return task


def test_a_write_whose_answer_was_lost_is_not_repeated() -> None:
    bucket = WriteOnceBucket(answers_lost=1)

    task = upload(bucket, answer={"done": True})

    assert bucket.objects == {"output/cat/cat-1a2b.out": b'{"done":true}'}
    assert task.outcome
    assert task.outcome.output_url == "s3://outputs/output/cat/cat-1a2b.out"


@dataclass
class PicturesCall(FakeCall):
    """A call with so many pictures in its answer."""

    count: int = 0
    data: bytes = b"p"

    def read_outputs(self, answer: object) -> Outputs:
        return Outputs(
            tuple(MadeFile(self.data, "png", "image/png") for _ in range(self.count)), compact_json(answer).encode()
        )


@pytest.mark.parametrize(("count", "is_cut"), [(1, False), (420, False), (2000, True)])
def test_a_list_that_no_record_can_hold_is_cut_and_its_manifest_names_all(count: int, *, is_cut: bool) -> None:
    bucket = WriteOnceBucket()

    task = upload(bucket, answer={}, attempt=2, call=PicturesCall(GENERATION, FakeEngine(), count=count))

    outcome = task.outcome
    assert outcome
    stored = [f"s3://outputs/output/cat/cat-1a2b.2-{number}.png" for number in range(1, count + 1)]
    assert outcome.image_urls == tuple(stored[: len(outcome.image_urls)])
    assert len(outcome.image_urls) == count or is_cut
    key = "output/cat/cat-1a2b.2-manifest.json"
    assert (outcome.manifest_url, outcome.image_count) == ((f"s3://outputs/{key}", count) if is_cut else (None, None))
    assert (key in bucket.objects) is is_cut
    if is_cut:
        assert json.loads(bucket.objects[key]) == {"image_url": stored, "output_url": outcome.output_url}


def test_each_picture_has_a_thumbnail_that_names_the_attempt() -> None:
    bucket = WriteOnceBucket()
    call = PicturesCall(GENERATION, FakeEngine(), count=2, data=plain_png("cat"))

    task = upload(bucket, answer={}, attempt=2, call=call)

    assert task.outcome
    assert task.outcome.thumbnails == (1, 2)
    for number in (1, 2):
        assert bucket.objects[f"output/cat/cat-1a2b.2-{number}-thumbnail.webp"][8:12] == b"WEBP"


def test_pictures_have_the_format_that_the_task_asks_for() -> None:
    bucket = WriteOnceBucket()
    call = PicturesCall(GENERATION, FakeEngine(), count=1, data=plain_png("cat"))

    task = upload(bucket, answer={}, call=call, output={"format": "jpeg", "thumbnails": False})

    assert task.outcome
    assert task.outcome.image_urls == ("s3://outputs/output/cat/cat-1a2b-1.jpg",)
    assert bucket.objects.keys() == {"output/cat/cat-1a2b-1.jpg", "output/cat/cat-1a2b.out"}
    assert bucket.types["output/cat/cat-1a2b-1.jpg"] == "image/jpeg"
    # A browser shows a picture at its link.
    assert bucket.attachments == set()


def test_the_outcome_names_copies_and_keeps_the_outputs() -> None:
    bucket = WriteOnceBucket()
    call = PicturesCall(GENERATION, FakeEngine(), count=1, data=plain_png("cat"))

    task = upload(bucket, answer={}, attempt=2, call=call, output={"destination": "s3://gallery/cats"})

    assert task.outcome
    assert task.outcome.deliveries == (PictureCopy(url="s3://gallery/cats/cat-1a2b.2-1.png"),)
    assert bucket.objects["cats/cat-1a2b.2-1.png"] == bucket.objects["output/cat/cat-1a2b.2-1.png"] == call.data


class BucketWithoutThumbnails(WriteOnceBucket):
    """Refuses every thumbnail, as a broken policy of the bucket would."""

    def put_object(self, *, Key: str, Body: bytes, IfNoneMatch: str = "", **_: object) -> None:
        if Key.endswith(".webp"):
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject")
        super().put_object(Key=Key, Body=Body, IfNoneMatch=IfNoneMatch)


@pytest.mark.parametrize(
    ("bucket", "data"), [(BucketWithoutThumbnails(), plain_png("cat")), (WriteOnceBucket(), b"no picture")]
)
def test_a_task_is_complete_without_thumbnails(bucket: WriteOnceBucket, data: bytes) -> None:
    task = upload(bucket, answer={}, call=PicturesCall(GENERATION, FakeEngine(), count=1, data=data))

    assert task.outcome
    assert (task.outcome.status, task.outcome.thumbnails) == (Status.COMPLETED, ())
    assert bucket.objects.keys() == {"output/cat/cat-1a2b-1.png", "output/cat/cat-1a2b.out"}


def test_an_attempt_leaves_the_outputs_of_the_one_before() -> None:
    bucket = WriteOnceBucket()
    upload(bucket, answer="first")

    task = upload(bucket, answer="second", attempt=2)

    assert bucket.objects == {"output/cat/cat-1a2b.out": b'"first"', "output/cat/cat-1a2b.2.out": b'"second"'}
    assert task.outcome
    assert task.outcome.output_url == "s3://outputs/output/cat/cat-1a2b.2.out"


def test_a_write_that_s3_refuses_for_good_is_not_repeated() -> None:
    class RefusingBucket(WriteOnceBucket):
        writes = 0

        def put_object(self, **_: object) -> None:
            self.writes += 1
            raise ClientError({"Error": {"Code": "EntityTooLarge"}}, "PutObject")

    bucket = RefusingBucket()
    with pytest.raises(ClientError, match="EntityTooLarge"):
        upload(bucket, answer="huge")
    assert bucket.writes == 1


def test_a_write_that_s3_carries_out_late_changes_no_output_of_the_next_attempt() -> None:
    """The first attempt's write was still on its way when the second attempt had ended and its callback was out."""
    bucket, late = WriteOnceBucket(), WriteOnceBucket()
    upload(late, answer="late")
    task = upload(bucket, answer="on time", attempt=2)
    assert task.outcome
    named = str(task.outcome.output_url).removeprefix("s3://outputs/")

    for key, data in late.objects.items():
        bucket.put_object(Key=key, Body=data, IfNoneMatch="*")

    assert bucket.objects[named] == b'"on time"'
