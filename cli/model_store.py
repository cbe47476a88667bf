"""Model bucket of an environment: its models, uploads and downloads."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import RawIOBase
from pathlib import Path
from typing import Any, Final

from cli.aws import aws_errors
from cli.errors import Refused
from contract.storage import SHA256_METADATA

#: Bytes of a part; boto3 uploads ten at a time.
PART_BYTES: Final = 32 * 1024 * 1024
#: Parts of a stream that are in memory at once.
PARTS_AT_ONCE: Final = 4
#: Bytes that are read at a time to compute a checksum.
BLOCK_BYTES: Final = 4 * 1024 * 1024
#: Characters of a file's name in the name of the hidden folder in which the file is written first.
SHOWN_CHARACTERS: Final = 40
BUCKET_FAILED: Final = "the model bucket cannot be used"
Advance = Callable[[int], object]


@dataclass(frozen=True)
class StoredModel:
    """One object of the bucket."""

    key: str
    size: int
    modified: datetime


class ModelStore:
    """Raises Unreachable for what AWS refuses."""

    def __init__(self, *, client: Any, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def list(self) -> Iterator[StoredModel]:
        """Yield all models by their keys."""
        with aws_errors(BUCKET_FAILED):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
                for entry in page.get("Contents", []):
                    yield StoredModel(entry["Key"], entry["Size"], entry["LastModified"])

    def push(self, path: Path, key: str, advance: Advance) -> None:
        """Upload a file in parts, each checked by S3, with the SHA-256 of the whole: Web UIs name models by it, too."""
        from boto3.s3.transfer import TransferConfig

        checksum = checksum_of(path)
        with aws_errors(BUCKET_FAILED):
            self._client.upload_file(
                str(path),
                self.bucket,
                key,
                ExtraArgs={"ChecksumAlgorithm": "CRC32", "Metadata": {SHA256_METADATA: checksum}},
                Config=TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES),
                Callback=advance,
            )

    def store(self, stream: RawIOBase, key: str, checksum: str | None, advance: Advance) -> None:
        """Upload a stream in parts, as it comes. An error of the stream leaves nothing in the bucket."""
        from boto3.s3.transfer import TransferConfig

        metadata = {"Metadata": {SHA256_METADATA: checksum}} if checksum else {}
        with aws_errors(BUCKET_FAILED):
            self._client.upload_fileobj(
                stream,
                self.bucket,
                key,
                ExtraArgs={"ChecksumAlgorithm": "CRC32", **metadata},
                Config=TransferConfig(
                    multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=PARTS_AT_ONCE
                ),
                Callback=advance,
            )

    def record_checksum(self, key: str, checksum: str) -> None:
        """Add the SHA-256 to a stored model, which S3 copies onto itself for that."""
        with aws_errors(BUCKET_FAILED):
            self._client.copy(
                {"Bucket": self.bucket, "Key": key},
                self.bucket,
                key,
                ExtraArgs={
                    "ChecksumAlgorithm": "CRC32",
                    "Metadata": {SHA256_METADATA: checksum},
                    "MetadataDirective": "REPLACE",
                },
            )

    def pull(self, model: StoredModel, path: Path, advance: Advance) -> None:
        """Download a model; the file appears once it is whole and checked."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name[:SHOWN_CHARACTERS]}-") as folder:
            temporary = Path(folder) / "model"
            with aws_errors(BUCKET_FAILED):
                self._client.download_file(self.bucket, model.key, str(temporary), Callback=advance)
            expected = self.checksum(model)
            has_come = temporary.stat().st_size == model.size
            if not has_come or (expected and checksum_of(temporary) != expected):
                raise Refused(f"{model.key} came with another checksum than it was uploaded with")
            temporary.replace(path)

    def remove(self, model: StoredModel) -> None:
        """Delete a model; a bucket that keeps versions can bring it back."""
        with aws_errors(BUCKET_FAILED):
            self._client.delete_object(Bucket=self.bucket, Key=model.key)

    def checksum(self, model: StoredModel) -> str | None:
        """Return the SHA-256 with which a model was uploaded, None if that is unknown."""
        with aws_errors(BUCKET_FAILED):
            answer = self._client.head_object(Bucket=self.bucket, Key=model.key)
        value = answer["Metadata"].get(SHA256_METADATA)
        return str(value) if value else None

    def read(self, model: StoredModel) -> Iterator[bytes]:
        """Yield the bytes of a model."""
        with aws_errors(BUCKET_FAILED):
            yield from self._client.get_object(Bucket=self.bucket, Key=model.key)["Body"].iter_chunks(BLOCK_BYTES)


def checksum_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
