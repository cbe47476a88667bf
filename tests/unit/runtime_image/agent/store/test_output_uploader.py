"""Uploads never replace an output, neither that of an earlier attempt nor that of the same one."""

import logging

from botocore.exceptions import ClientError, ReadTimeoutError

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.store.output_uploader import OutputUploader
from runtime_image.process.logs import EventLog
from runtime_image.process.retry import Retry
from tests.harness.still_clock import StillClock
from tests.unit.runtime_image.agent.tasks import held_task


class WriteOnceBucket:
    """Implements S3's conditional write as the role demands it; `answers_lost` of the writes end without an answer."""

    def __init__(self, *, answers_lost: int = 0) -> None:
        self.objects: dict[str, bytes] = {}
        self._answers_lost = answers_lost

    def put_object(self, *, Key: str, Body: bytes, IfNoneMatch: str = "", **_: object) -> None:
        if IfNoneMatch != "*":
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject")
        if Key in self.objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        self.objects[Key] = Body
        if self._answers_lost:
            self._answers_lost -= 1
            raise ReadTimeoutError(endpoint_url="https://s3")


def upload(bucket: WriteOnceBucket, *, answer: object, attempt: int = 1) -> ClaimedTask:
    task = held_task("cat")
    task.attempt, task.call, task.answer = attempt, None, answer
    retry = Retry(clock=StillClock(), log=EventLog(logging.getLogger("test")))
    OutputUploader(storage=bucket, bucket="outputs", retry=retry).run(task)  # type: ignore[arg-type]  # one call of it
    return task


def test_a_write_whose_answer_was_lost_is_not_repeated() -> None:
    bucket = WriteOnceBucket(answers_lost=1)

    task = upload(bucket, answer={"done": True})

    assert bucket.objects == {"output/cat/cat-1a2b.out": b'{"done":true}'}
    assert task.outcome
    assert task.outcome.output_url == "s3://outputs/output/cat/cat-1a2b.out"


def test_an_attempt_leaves_the_outputs_of_the_one_before() -> None:
    bucket = WriteOnceBucket()
    upload(bucket, answer="first")

    task = upload(bucket, answer="second", attempt=2)

    assert bucket.objects == {"output/cat/cat-1a2b.out": b'"first"', "output/cat/cat-1a2b.2.out": b'"second"'}
    assert task.outcome
    assert task.outcome.output_url == "s3://outputs/output/cat/cat-1a2b.2.out"
