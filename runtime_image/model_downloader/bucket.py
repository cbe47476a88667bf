"""The model bucket, asked through boto3: what it holds, how its objects are checked, and signed requests for bytes."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from runtime_image.model_downloader.errors import DownloadFailed
from runtime_image.model_downloader.remote_file import RemoteFile, bare_etag
from runtime_image.model_downloader.signing import SignedRequest, Signer

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

#: Seconds to connect, and without a byte.
CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 20
#: Tries of a call inside botocore, with growing pauses.
ATTEMPTS: Final = 5
_NOT_THERE: Final = frozenset({"404", "NoSuchKey"})
#: Directory buckets (S3 Express) have ETags that are no MD5.
_DIRECTORY_BUCKET: Final = "--x-s3"


def open_bucket(name: str) -> "ModelBucket":
    """Return a bucket, asked by a client that waits out short troubles of S3."""
    session = boto3.Session()
    client = session.client(
        "s3",
        config=Config(
            signature_version="s3v4",
            # Otherwise requests are signed for the global endpoint, which does not serve newer regions.
            s3={"addressing_style": "virtual"},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=32,
        ),
    )
    signer = Signer(client=client, credentials=session.get_credentials(), bucket=name)
    return ModelBucket(client=client, signer=signer, bucket=name)


class ModelBucket:
    """Raises DownloadFailed for whatever AWS refuses. Safe to share between threads."""

    def __init__(self, *, client: "S3Client", signer: Signer, bucket: str) -> None:
        self._client = client
        self._signer = signer
        self.bucket = bucket

    def list(self, prefix: str = "") -> Iterator[RemoteFile]:
        """Yield the files whose keys begin with `prefix`, in the order of their keys."""
        try:
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                for entry in page.get("Contents", []):
                    if not entry["Key"].endswith("/"):
                        yield RemoteFile(entry["Key"], entry["Size"], bare_etag(entry["ETag"]))
        except (BotoCoreError, ClientError) as error:
            raise DownloadFailed(f"the model bucket {self.bucket} cannot be listed: {error}") from error

    def find(self, key: str) -> RemoteFile | None:
        """Return the file of this key."""
        headers = self._head(Key=key)
        if headers is None:
            return None
        return RemoteFile(key, int(headers["content-length"]), bare_etag(headers.get("etag", "")))

    def headers_of(self, file: RemoteFile) -> Mapping[str, str] | None:
        """Return what S3 says of a file, checksums included; None if it is another by now."""
        headers = self._head(Key=file.key, ChecksumMode="ENABLED")
        if headers is None or bare_etag(headers.get("etag", "")) != file.etag:
            return None
        return self.without_false_md5(headers)

    def part_bytes(self, file: RemoteFile, parts: int) -> int | None:
        """Return the size of the parts in which a file was uploaded, None if that cannot be told."""
        headers = self._head(Key=file.key, PartNumber=1) or {}
        size = int(headers.get("content-length") or 0)
        return size if size and -(-file.size // size) == parts else None

    def sign(self, file: RemoteFile) -> SignedRequest:
        """Return a request for a file or, with a Range header added, for part of it. It asks for checksums."""
        try:
            return self._signer.sign(file.key)
        except (BotoCoreError, ClientError) as error:
            raise DownloadFailed(f"a request for {file.key} cannot be signed: {error}") from error

    def without_false_md5(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Return the headers of an answer, without an ETag that only looks like an MD5."""
        if self.bucket.endswith(_DIRECTORY_BUCKET):
            return {name: value for name, value in headers.items() if name != "etag"}
        return headers

    def _head(self, **parameters: Any) -> Mapping[str, str] | None:
        try:
            answer = self._client.head_object(Bucket=self.bucket, **parameters)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _NOT_THERE:
                return None
            raise DownloadFailed(f"{parameters['Key']} cannot be looked up in {self.bucket}: {error}") from error
        except BotoCoreError as error:
            raise DownloadFailed(f"{parameters['Key']} cannot be looked up in {self.bucket}: {error}") from error
        return answer["ResponseMetadata"]["HTTPHeaders"]
