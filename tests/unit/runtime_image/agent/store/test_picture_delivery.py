"""Copies of pictures: each is delivered or its failure is named, and no failure fails a task."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from contract.picture_list import MAX_COPIES_BYTES, PictureCopy, listed_copies
from guarded_http.client import GuardedHttp
from guarded_http.network import Deadline
from guarded_http.url import HttpUrl
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.errors import TaskAborted
from runtime_image.agent.store.picture_delivery import CHUNK_BYTES, COMPLETION_SECONDS, PictureDelivery
from runtime_image.process.engine import MadeFile
from runtime_image.process.logs import EventLog
from tests.harness.https_receiver import HttpsReceiver, https_receiver, status
from tests.harness.still_clock import StillClock
from tests.unit.runtime_image.agent.tasks import held_task

PICTURES = [MadeFile(b"first", "png", "image/png"), MadeFile(b"second", "webp", "image/webp")]
NAMES = ["cat-1a2b-1.png", "cat-1a2b-2.webp"]


class Bucket:
    """Implements one call of S3; each write ends with the next of `errors`, then works."""

    def __init__(self, *errors: Exception) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self._errors = list(errors)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str, IfNoneMatch: str) -> None:
        assert IfNoneMatch == "*"
        if self._errors:
            raise self._errors.pop(0)
        self.objects[f"{Bucket}/{Key}"] = (Body, ContentType)


class SlowBucket:
    """Refuses each write after a second."""

    def __init__(self, clock: StillClock) -> None:
        self.writes = 0
        self._clock = clock

    def put_object(self, **_: object) -> None:
        self.writes += 1
        self._clock.seconds += 1
        raise refusal("SlowDown")


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "PutObject")


def deliver(
    output: dict[str, Any],
    *,
    bucket: Bucket | None = None,
    server: HttpsReceiver | None = None,
    pictures: Sequence[MadeFile] = PICTURES,
) -> list[Any]:
    allowed = [f"127.0.0.1:{server.server_port}"] if server else []
    delivery = PictureDelivery(
        storage=bucket or Bucket(),  # type: ignore[arg-type]  # one call of it
        http=GuardedHttp(resolve=lambda host, _: [host], allowed_hosts=allowed),
        clock=StillClock(),
        log=EventLog(logging.getLogger("test")),
    )
    task = held_task("cat", output=output)
    return [(each.url, each.error) for each in delivery.deliver(task, pictures, NAMES[: len(pictures)])]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpsReceiver]:
    with https_receiver(tmp_path) as receiver:
        monkeypatch.setenv("SSL_CERT_FILE", str(receiver.authorities))
        yield receiver


def test_without_a_destination_nothing_is_delivered() -> None:
    assert deliver({"format": "png"}) == []


def test_a_bucket_gets_the_pictures_below_its_folder() -> None:
    bucket = Bucket()

    found = deliver({"destination": "s3://gallery/cats/"}, bucket=bucket)

    assert found == [(f"s3://gallery/cats/{name}", None) for name in NAMES]
    assert bucket.objects == {
        "gallery/cats/cat-1a2b-1.png": (b"first", "image/png"),
        "gallery/cats/cat-1a2b-2.webp": (b"second", "image/webp"),
    }


@pytest.mark.parametrize("passing", [refusal("SlowDown"), ReadTimeoutError(endpoint_url="https://s3")])
def test_a_failure_that_may_pass_is_repeated(passing: Exception) -> None:
    bucket = Bucket(passing)

    assert [error for _, error in deliver({"destination": "s3://gallery/cats"}, bucket=bucket)] == [None, None]
    assert len(bucket.objects) == 2


def test_a_write_whose_answer_was_lost_counts() -> None:
    bucket = Bucket(ReadTimeoutError(endpoint_url="https://s3"), *[refusal("PreconditionFailed")] * 2)

    assert [error for _, error in deliver({"destination": "s3://gallery/cats"}, bucket=bucket)] == [None, None]


def test_a_refused_copy_is_named() -> None:
    bucket = Bucket(refusal("AccessDenied"), refusal("NoSuchBucket"))

    errors = sorted(str(error) for _, error in deliver({"destination": "s3://gallery/cats"}, bucket=bucket))

    assert [error.partition("(")[2].partition(")")[0] for error in errors] == ["AccessDenied", "NoSuchBucket"]
    assert bucket.objects == {}


@pytest.mark.parametrize("output", [{"destination": "s3://gallery/cats"}, {"put_links": ["https://a/b.png"]}])
def test_a_file_that_vanished_fails_its_copy_alone(tmp_path: Path, output: dict[str, Any]) -> None:
    [(_, error)] = deliver(output, pictures=[MadeFile(tmp_path / "gone.mp4", "mp4", "video/mp4")])

    assert error == "the file cannot be read: No such file or directory"


def test_each_link_gets_its_picture_and_its_secret_is_shown_nowhere(server: HttpsReceiver) -> None:
    links = [server.url(f"/{number}.png?signature=secret") for number in (1, 2)]

    found = deliver({"put_links": links}, server=server)

    assert found == [(server.url(f"/{number}.png"), None) for number in (1, 2)]
    (first,) = server.of("/1.png?signature=secret")
    assert (first.body, first.headers["content-type"]) == (b"first", "image/png")
    (second,) = server.of("/2.png?signature=secret")
    assert (second.body, second.headers["content-type"]) == (b"second", "image/webp")


def test_a_link_gets_a_file_of_the_disk_with_its_length(server: HttpsReceiver, tmp_path: Path) -> None:
    content = bytes(range(256)) * (CHUNK_BYTES // 256) * 2 + b"end"
    film, empty = tmp_path / "film.mp4", tmp_path / "empty.txt"
    film.write_bytes(content)
    empty.touch()
    pictures = [MadeFile(film, "mp4", "video/mp4"), MadeFile(empty, "txt", "text/plain")]

    found = deliver({"put_links": [server.url("/film"), server.url("/empty")]}, server=server, pictures=pictures)

    assert [error for _, error in found] == [None, None]
    (received,) = server.of("/film")
    assert received.body == content
    assert received.headers["content-length"] == str(len(content))
    assert "transfer-encoding" not in received.headers
    (received,) = server.of("/empty")
    assert (received.body, received.headers["content-length"]) == (b"", "0")


@dataclass
class MeasuringHttp:
    """Reads a body without keeping it. Aborts the task after a piece if `aborts` is set."""

    task: ClaimedTask
    aborts: bool = False
    sizes: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def exchange(
        self, _: str, __: HttpUrl, *, headers: dict[str, str], content: Iterator[bytes], deadline: Deadline
    ) -> AbstractContextManager[SimpleNamespace]:
        self.seconds.append(deadline.rest_seconds())
        for chunk in content:
            self.sizes.append(len(chunk))
            if self.aborts:
                self.task.aborted.set()
        assert sum(self.sizes) == int(headers["Content-Length"])
        return nullcontext(SimpleNamespace(status=200))


def measured(picture: MadeFile, *, aborts: bool = False, passed_seconds: float = 0) -> tuple[MeasuringHttp, str | None]:
    clock, task = StillClock(), held_task("cat", output={"put_links": ["https://one.example/film"]})
    clock.seconds = task.claimed_at + passed_seconds
    http = MeasuringHttp(task, aborts)
    delivery = PictureDelivery(
        storage=Bucket(),  # type: ignore[arg-type]  # one call of it
        http=http,  # type: ignore[arg-type]  # one call of it
        clock=clock,
        log=EventLog(logging.getLogger("test")),
    )
    try:
        (copy,) = delivery.deliver(task, [picture], NAMES[:1])
    except TaskAborted:
        return http, "aborted"
    return http, copy.error


@pytest.fixture
def film(tmp_path: Path) -> MadeFile:
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    return MadeFile(path, "mp4", "video/mp4")


def test_a_large_file_is_never_in_memory_as_a_whole_and_has_more_time(film: MadeFile) -> None:
    http, error = measured(film)

    assert error is None
    assert max(http.sizes) == CHUNK_BYTES
    assert http.seconds == [20 + 20]


def test_an_aborted_task_sends_no_further_piece(film: MadeFile) -> None:
    http, error = measured(film, aborts=True)

    assert (error, len(http.sizes)) == ("aborted", 1)


def test_a_delivery_ends_before_the_time_limit_of_its_task(film: MadeFile) -> None:
    limit_seconds = held_task("cat").metadata.policy.execution_timeout_ms / 1000

    http, error = measured(film, passed_seconds=limit_seconds - COMPLETION_SECONDS - 7)
    assert (http.seconds, error) == ([7], None)
    http, error = measured(film, passed_seconds=limit_seconds - COMPLETION_SECONDS)
    assert (http.seconds, error) == ([], "the task's executionTimeout leaves no time for it")


@pytest.mark.parametrize(
    ("seconds_left", "writes", "reason"),
    [(6.5, 2, "SlowDown"), (0, 0, "the task's executionTimeout leaves no time for it")],
)
def test_copies_into_a_bucket_end_before_the_time_limit_as_well(seconds_left: float, writes: int, reason: str) -> None:
    clock, task = StillClock(), held_task("cat", output={"destination": "s3://gallery/cats"})
    clock.seconds = task.deadline - COMPLETION_SECONDS - seconds_left
    bucket = SlowBucket(clock)
    delivery = PictureDelivery(
        storage=bucket,  # type: ignore[arg-type]  # one call of it
        http=GuardedHttp(resolve=lambda host, _: [host], allowed_hosts=[]),
        clock=clock,
        log=EventLog(logging.getLogger("test")),
    )

    (copy,) = delivery.deliver(task, PICTURES[:1], NAMES[:1])

    assert reason in str(copy.error)
    assert bucket.writes == writes
    assert clock.seconds < task.deadline


def test_a_link_that_fails_harms_no_other(server: HttpsReceiver) -> None:
    server.answers = {"/expired": status(403)}

    found = deliver({"put_links": [server.url("/expired"), server.url("/2")]}, server=server)

    assert found == [(server.url("/expired"), "the link answered with status 403"), (server.url("/2"), None)]
    assert len(server.of("/expired")) == 1


def test_a_link_that_may_recover_is_tried_three_times_and_redirects_are_not_followed(server: HttpsReceiver) -> None:
    server.answers = {"/busy": status(500), "/moved": status(307, Location=server.url("/elsewhere"))}

    errors = [error for _, error in deliver({"put_links": [server.url("/busy"), server.url("/moved")]}, server=server)]

    assert errors == ["the link answered with status 500", "the link answered with status 307"]
    assert (len(server.of("/busy")), len(server.of("/moved")), server.of("/elsewhere")) == (3, 1, [])


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.7", "[::1]"])
def test_a_link_reaches_public_addresses_only(address: str) -> None:
    ((_, error), (_, missing)) = deliver({"put_links": [f"https://{address}/a"]})

    assert "public" in str(error)
    assert missing == "`put_links` has no link for this picture"


def test_a_list_that_no_record_can_hold_is_cut() -> None:
    deliveries = [PictureCopy(url=f"s3://gallery/{'é' * 200}/{number}.png") for number in range(100)]

    kept = listed_copies(deliveries)

    assert kept == tuple(deliveries[: len(kept)])
    assert 1 < len(kept) < 100
    assert sum(len(str(each.url)) for each in kept) < MAX_COPIES_BYTES
