"""Delivery of copies of a task's pictures to the destination that its sender names.

The output bucket has every picture in any case, so a failed delivery loses nothing and fails no task.
"""

import io
from collections.abc import Iterator, Sequence
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO, Final

from contract.output_request import OutputRequest
from contract.picture_list import PictureCopy
from contract.storage import S3Location
from guarded_http.client import GuardedHttp
from guarded_http.errors import LinkRefused, LinkUnavailable
from guarded_http.network import Deadline
from guarded_http.url import parse_http_url
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.errors import TaskAborted
from runtime_image.process.aws import AWS_ERRORS, error_code
from runtime_image.process.clock import Clock
from runtime_image.process.engine import MadeFile
from runtime_image.process.logs import EventLog
from runtime_image.process.threads import in_parallel

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

#: Pauses in seconds between the attempts to deliver one picture.
PAUSES_SECONDS: Final = (1.0, 5.0)
#: Seconds of one PUT: a picture of 10 MB over 10 Mbit/s, and for larger files another second for so many bytes.
PUT_SECONDS: Final = 20.0
PUT_BYTES_PER_SECOND: Final = 5_000_000
#: Seconds before a task's time limit at which its deliveries end, because a failed delivery fails no task.
COMPLETION_SECONDS: Final = 2.0
#: Bytes of a file that are in memory while a link gets it.
CHUNK_BYTES: Final = 64 * 1024
#: Pictures of a task that are delivered at a time.
PARALLEL_DELIVERIES: Final = 4
#: Statuses after which the same PUT may succeed.
_PASSING: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class CopyFailed(Exception):
    """Raised by an attempt; `may_pass` is True if another one may succeed."""

    def __init__(self, message: str, *, may_pass: bool) -> None:
        super().__init__(message)
        self.may_pass = may_pass


class PictureDelivery:
    """Copies pictures into a bucket, or sends them to links that accept a PUT."""

    def __init__(self, *, storage: "S3Client", http: GuardedHttp, clock: Clock, log: EventLog) -> None:
        self._storage = storage
        self._http = http
        self._clock = clock
        self._log = log

    def deliver(self, task: ClaimedTask, pictures: Sequence[MadeFile], names: Sequence[str]) -> tuple[PictureCopy, ...]:
        """Deliver the pictures, whose file names are `names`, and return what became of each.

        Raises:
            TaskAborted: if the task was aborted meanwhile.
        """
        wanted = task.metadata.output
        if wanted.destination is None and not wanted.put_links:
            return ()
        jobs = [
            partial(self._deliver, task, picture, *_address(wanted, number, name))
            for number, (picture, name) in enumerate(zip(pictures, names, strict=True))
        ]
        deliveries: list[PictureCopy] = []
        for result in in_parallel(jobs, threads=PARALLEL_DELIVERIES, name="deliver"):
            if isinstance(result, Exception):
                raise result
            deliveries.append(result)
        return tuple(deliveries)

    def _deliver(self, task: ClaimedTask, picture: MadeFile, url: str, location: S3Location | None) -> PictureCopy:
        shown = url.partition("?")[0]
        if not url:
            return PictureCopy(error="`put_links` has no link for this picture")
        for pause_seconds in (*PAUSES_SECONDS, None):
            if task.aborted.is_set():
                raise TaskAborted
            try:
                self._attempt(task, picture, url, location)
            except CopyFailed as failure:
                if pause_seconds is None or not failure.may_pass or pause_seconds >= self._seconds_left(task):
                    self._log.warning("delivery_failed", task_id=task.metadata.id, url=shown, reason=str(failure))
                    return PictureCopy(url=shown, error=str(failure))
                self._clock.sleep(pause_seconds)
            else:
                break
        return PictureCopy(url=shown)

    def _attempt(self, task: ClaimedTask, picture: MadeFile, url: str, location: S3Location | None) -> None:
        seconds_left = self._seconds_left(task)
        if seconds_left <= 0:
            raise CopyFailed("the task's executionTimeout leaves no time for it", may_pass=False)
        try:
            if location:
                self._copy(picture, location)
            else:
                self._put(task, picture, url, seconds_left)
        except OSError as error:
            raise CopyFailed(f"the file cannot be read: {error.strerror or error}", may_pass=False) from error

    def _seconds_left(self, task: ClaimedTask) -> float:
        return task.deadline - COMPLETION_SECONDS - self._clock.monotonic()

    def _copy(self, picture: MadeFile, location: S3Location) -> None:
        try:
            with picture.opened() as body:
                self._storage.put_object(
                    Bucket=location.bucket,
                    Key=location.key,
                    Body=body,
                    ContentType=picture.content_type,
                    IfNoneMatch="*",
                )
        except AWS_ERRORS as error:
            code = error_code(error)
            # The key names the attempt, so an earlier write of the same picture has arrived.
            if code != "PreconditionFailed":
                raise CopyFailed(str(error)[:200], may_pass=code not in {"AccessDenied", "NoSuchBucket"}) from error

    def _put(self, task: ClaimedTask, picture: MadeFile, url: str, seconds_left: float) -> None:
        size = picture.size
        headers = {
            "Content-Type": picture.content_type,
            "Content-Length": str(size),
            "User-Agent": "darkroom-delivery/1",
        }
        seconds = min(PUT_SECONDS + size / PUT_BYTES_PER_SECOND, seconds_left)
        try:
            with (
                picture.opened() as body,
                self._http.exchange(
                    "PUT",
                    parse_http_url(url),
                    headers=headers,
                    content=_chunks(task, io.BytesIO(body) if isinstance(body, bytes) else body),
                    deadline=Deadline(clock=self._clock, seconds=seconds),
                ) as response,
            ):
                status = response.status
        except LinkRefused as error:
            raise CopyFailed(error.message, may_pass=False) from error
        except LinkUnavailable as error:
            raise CopyFailed(error.message, may_pass=True) from error
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            may_pass = status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR
            raise CopyFailed(f"the link answered with status {status}", may_pass=may_pass)


def _chunks(task: ClaimedTask, body: BinaryIO) -> Iterator[bytes]:
    """Yield a file piece by piece; raises TaskAborted once the task is aborted."""
    while chunk := body.read(CHUNK_BYTES):
        if task.aborted.is_set():
            raise TaskAborted
        yield chunk


def _address(wanted: OutputRequest, number: int, name: str) -> tuple[str, S3Location | None]:
    if wanted.destination is None:
        return (wanted.put_links[number] if number < len(wanted.put_links) else ""), None
    bucket, _, folder = wanted.destination.removeprefix("s3://").partition("/")
    location = S3Location(bucket, f"{folder}/{name}")
    return location.uri, location
