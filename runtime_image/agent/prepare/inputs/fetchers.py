"""Fetchers of links: http(s) from public addresses, `s3://` from the buckets that the environment names."""

from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contract.content_length import content_length
from contract.upload import MAX_LINK_BYTES, PICTURE_TYPES
from guarded_http.client import GuardedHttp
from guarded_http.errors import LinkRefused, LinkUnavailable
from guarded_http.network import Deadline
from runtime_image.agent.core.errors import StorageFailed
from runtime_image.agent.prepare.inputs.content_encoding import too_large, unpack
from runtime_image.process.aws import AWS_ERRORS, error_code, is_client_fault
from runtime_image.process.clock import Clock
from runtime_image.process.retry import Retry

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


#: Seconds from the first look-up to the last byte.
LINK_SECONDS: Final = 20.0
#: Some servers refuse requests without a user agent.
_HEADERS: Final = {
    "User-Agent": "darkroom-agent/1",
    # Some servers convert a picture to AVIF if a client accepts every kind.
    "Accept": ", ".join([*PICTURE_TYPES, "*/*;q=0.5"]),
    "Accept-Encoding": "identity",
}


#: Statuses of presigned links that have run out, and of private ones.
_FORBIDDEN: Final = frozenset({401, 403})


@dataclass(kw_only=True, eq=False)
class HttpFetcher:
    """Fetches links."""

    http: GuardedHttp
    clock: Clock
    max_bytes: int = MAX_LINK_BYTES
    limit_seconds: float = LINK_SECONDS

    def fetch(self, url: str) -> bytes:
        """Return what the link points to; raises LinkRefused or LinkUnavailable."""
        deadline = Deadline(clock=self.clock, seconds=self.limit_seconds)
        with self.http.get(url, headers=_HEADERS, deadline=deadline) as answer:
            if answer.status != 200:  # noqa: PLR2004 - HTTP's OK; a part or nothing is no picture
                hint = ": it is private, or its time has passed" if answer.status in _FORBIDDEN else ""
                raise LinkUnavailable(f"{answer.target.host} answered {answer.status}{hint}")
            if (content_length(answer.headers.get("content-length")) or 0) > self.max_bytes:
                raise too_large(self.max_bytes)
            body = bytearray()
            for chunk in answer.chunks():
                if len(body) + len(chunk) > self.max_bytes:
                    raise too_large(self.max_bytes)
                body += chunk
        return unpack(bytes(body), answer.headers.get("content-encoding", ""), max_bytes=self.max_bytes)


#: Bytes read at a time, between two checks of the deadline.
_CHUNK_BYTES = 1024 * 1024


class S3Fetcher:
    """Fetches objects with the agent's own rights; hence the list of buckets, and of folders as `bucket/folder/`.

    In the environment's `own_buckets` it reads only what the edge has checked, by the ETag of that moment.
    """

    def __init__(
        self, *, storage: "S3Client", buckets: Iterable[str], own_buckets: Iterable[str], retry: Retry, clock: Clock
    ) -> None:
        self._storage = storage
        self._buckets = frozenset(buckets)
        self._own_buckets = frozenset(own_buckets)
        self._retry = retry
        self._clock = clock

    def fetch(self, url: str, task_id: str, etag: str | None) -> bytes:
        """Return the object; raises LinkRefused, LinkUnavailable, or StorageFailed if S3 is in trouble."""
        bucket, key = parse_s3_url(url)
        if not may_be_read(bucket, key, self._buckets):
            named = ", ".join(sorted(self._buckets)) or "none"
            raise LinkRefused(f"links to the bucket {bucket[:63]} are not allowed; configured: {named}")
        if bucket in self._own_buckets and etag is None:
            raise LinkRefused("it was not checked when the task was sent")
        tried_until = self._clock.monotonic() + LINK_SECONDS
        try:
            # A released task has used up one of its deliveries, so S3's trouble is waited out here.
            return self._retry.call(
                lambda: self._read(bucket, key, etag),
                until=lambda: self._clock.monotonic() >= tried_until,
                task_id=task_id,
            )
        except AWS_ERRORS as error:
            raise StorageFailed(f"S3 did not give it: {error}") from error

    def _read(self, bucket: str, key: str, etag: str | None) -> bytes:
        ends_at = self._clock.monotonic() + LINK_SECONDS
        try:
            unchanged: dict[str, Any] = {"IfMatch": etag} if etag else {}
            answer = self._storage.get_object(Bucket=bucket, Key=key, **unchanged)
        except AWS_ERRORS as error:
            if error_code(error) == "PreconditionFailed":
                raise LinkRefused("it was replaced after the task was sent; send the task again") from error
            if is_client_fault(error):
                hint = "; an s3 link has the key itself, without %-codes" if "%" in key else ""
                raise LinkUnavailable(f"S3 answered {error_code(error)}{hint}") from error
            raise
        if answer["ContentLength"] > MAX_LINK_BYTES:
            answer["Body"].close()
            raise too_large()
        body = bytearray()
        # Entering botocore's body itself would give the raw stream below it, whose errors are not botocore's.
        with closing(answer["Body"]) as stream:
            for chunk in stream.iter_chunks(_CHUNK_BYTES):
                body += chunk
                if self._clock.monotonic() >= ends_at:
                    raise StorageFailed(f"S3 did not give it within {LINK_SECONDS:g} s")
        return unpack(bytes(body), answer.get("ContentEncoding", ""))


def may_be_read(bucket: str, key: str, places: Collection[str]) -> bool:
    """Return True if an object is in one of `places`, each a `bucket` or a `bucket/folder/`."""
    folder, slash, _ = key.partition("/")
    # Some servers resolve dots in a path, which would lead out of a folder.
    has_dots = not {".", ".."}.isdisjoint(key.split("/"))
    return bucket in places or (f"{bucket}/{folder}{slash}" in places and bool(slash) and not has_dots)


def parse_s3_url(url: str) -> tuple[str, str]:
    """Return bucket and key of an `s3://` link."""
    bucket, _, key = url.partition("://")[2].partition("/")
    if not bucket or not key:
        raise LinkRefused("an s3 link has the form s3://bucket/key")
    return bucket, key
