"""Client of the model bucket: lists its files, finds their checksums and reads their bytes."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from urllib3.exceptions import HTTPError

from runtime_image.model_downloader.checksum import Check, bare_etag, checks_in
from runtime_image.model_downloader.errors import BucketUnreachable, ConnectionLost, DownloadFailed, ObjectChanged
from runtime_image.process.aws import AWS_ERRORS, error_code, is_client_fault, open_session

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

#: Parallel requests. One connection to S3 brings 50 to 90 MB/s, so that 16 reach a disk or network of 1 GB/s.
CONNECTIONS: Final = 16
#: Seconds to connect, and seconds without a byte.
CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 20
#: Attempts of one call inside botocore, with growing pauses.
ATTEMPTS: Final = 5
#: Bytes of one read from a connection. 16 connections stay far below 200 MB of memory.
BLOCK_BYTES: Final = 512 * 1024
_MISSING: Final = frozenset({"404", "NoSuchKey"})
_CHANGED: Final = _MISSING | {"412", "416", "InvalidRange", "PreconditionFailed"}
#: Ending of the names of directory buckets (S3 Express), whose ETags are not MD5s.
_DIRECTORY_BUCKET: Final = "--x-s3"


@dataclass(frozen=True)
class RemoteFile:
    """Object of the bucket, as it was when it was listed."""

    key: str
    size: int
    #: Without quotes.
    etag: str


def open_bucket(name: str) -> "ModelBucket":
    """Return a bucket whose client waits out short failures of S3."""
    client = open_session().client(
        "s3",
        config=Config(
            signature_version="s3v4",
            # Otherwise requests go to the global endpoint, which does not serve newer regions.
            s3={"addressing_style": "virtual"},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=CONNECTIONS,
            # Checksums of whole objects do not apply to ranges.
            response_checksum_validation="when_required",
        ),
    )
    return ModelBucket(client=client, name=name)


class ModelBucket:
    """Raises DownloadFailed when AWS refuses a call, BucketUnreachable when it does not answer.

    Safe to share between threads.
    """

    def __init__(self, *, client: "S3Client", name: str) -> None:
        self._client = client
        self.name = name

    def list(self, prefix: str = "") -> Iterator[RemoteFile]:
        """Yield the files whose keys begin with `prefix`, in the order of their keys."""
        with self._explained(f"the model bucket {self.name} cannot be listed"):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
                for entry in page.get("Contents", []):
                    if not entry["Key"].endswith("/"):
                        yield RemoteFile(entry["Key"], entry["Size"], bare_etag(entry["ETag"]))

    def find(self, key: str) -> RemoteFile | None:
        """Return the file of a key, or None if the bucket does not hold it."""
        headers = self._head(key)
        if headers is None:
            return None
        return RemoteFile(key, int(headers["content-length"]), bare_etag(headers.get("etag", "")))

    def find_check(self, file: RemoteFile) -> Check | None:
        """Return the fastest check that S3 offers for a file; raises ObjectChanged if it is another file by now."""
        headers = self._head(file.key, ChecksumMode="ENABLED")
        if headers is None or bare_etag(headers.get("etag", "")) != file.etag:
            raise ObjectChanged(file.key)
        if self.name.endswith(_DIRECTORY_BUCKET):
            headers = {name: value for name, value in headers.items() if name != "etag"}
        for check in checks_in(headers, file.size):
            if not check.parts:
                return check
            first_part = self._head(file.key, PartNumber=1) or {}
            part_bytes = int(first_part.get("content-length") or 0)
            if part_bytes and -(-file.size // part_bytes) == check.parts:
                return replace(check, part_bytes=part_bytes)
        return None

    def read(self, file: RemoteFile, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes of a file from `start` up to, not including, `end`.

        Raises:
            ObjectChanged: if the bucket does not hold `file` any more.
            ConnectionLost: if the bytes broke off, or S3 did not send them.
            DownloadFailed: if S3 refuses the request for good.
        """
        try:
            response = self._client.get_object(Bucket=self.name, Key=file.key, Range=f"bytes={start}-{end - 1}")
            with closing(response["Body"]) as body:
                if bare_etag(response["ETag"]) != file.etag:
                    raise ObjectChanged(file.key)
                # Some servers answer 200 to a range, so that the status says too little.
                expected, sent = f"bytes {start}-{end - 1}/{file.size}", response.get("ContentRange", "no range")
                if sent != expected:
                    raise DownloadFailed(f"the server sends {sent!r} of {file.key}, not {expected!r}")
                while start < end:
                    block = body.read(min(BLOCK_BYTES, end - start))
                    if not block:
                        raise ConnectionLost(f"{file.key} broke off at byte {start}")
                    start += len(block)
                    yield block
        except (*AWS_ERRORS, HTTPError) as error:
            if error_code(error) in _CHANGED:
                raise ObjectChanged(file.key) from error
            kind = DownloadFailed if is_client_fault(error) else ConnectionLost
            raise kind(f"{file.key} cannot be read from {self.name}: {error}") from error

    def _head(self, key: str, **parameters: Any) -> dict[str, str] | None:
        with self._explained(f"{key} cannot be looked up in {self.name}"):
            try:
                response = self._client.head_object(Bucket=self.name, Key=key, **parameters)
            except AWS_ERRORS as error:
                if error_code(error) in _MISSING:
                    return None
                raise
        return response["ResponseMetadata"]["HTTPHeaders"]

    @contextmanager
    def _explained(self, problem: str) -> Iterator[None]:
        try:
            yield
        except AWS_ERRORS as error:
            kind = DownloadFailed if is_client_fault(error) else BucketUnreachable
            raise kind(f"{problem}: {error}") from error
