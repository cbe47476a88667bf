"""What the model bucket says of an object: enough to fetch it, and to tell whether what came is it."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

#: S3's checksums, those that are computed fastest first. CRCs of pieces can be joined, so they use all processors.
ALGORITHMS: Final = ("crc64nvme", "crc32c", "crc32", "sha1", "sha256")
#: Bytes above which an MD5 of a whole object is not computed: it runs on one processor at 0.8 GB/s, slower than a
#: network. No client of S3 uploads more than 200 MiB in one part unless told to, so only other servers have such ETags.
MAX_WHOLE_MD5_BYTES: Final = 256 * 1024 * 1024
_MD5: Final = re.compile(r"([0-9a-f]{32})(?:-([0-9]{1,5}))?")


@dataclass(frozen=True)
class RemoteFile:
    """One object of the bucket, as it was when it was listed."""

    key: str
    size: int
    #: Without quotes.
    etag: str


@dataclass(frozen=True)
class Check:
    """A digest that the file must have: of all bytes, or (`parts` > 0) of the digests of its upload's parts."""

    algorithm: str
    digest: bytes
    parts: int = 0


def bare_etag(value: str) -> str:
    """Return an ETag without its quotes."""
    return value.removeprefix("W/").strip('"')


def checks_in(headers: Mapping[str, str], size: int) -> Iterator[Check]:
    """Yield the checks that an answer of S3 allows, the best first; `headers` have lower-case names."""
    etag = bare_etag(headers.get("etag", ""))
    # S3 says of what the checksums of an upload in parts are; without a word it could be the parts' or the whole's.
    is_clear = "-" not in etag or "x-amz-checksum-type" in headers
    for algorithm in ALGORITHMS:
        text, _, parts = headers.get(f"x-amz-checksum-{algorithm}", "").partition("-")
        try:
            digest = base64.b64decode(text, validate=True)
        except binascii.Error:
            continue
        if digest and (is_clear or parts) and (not parts or parts.isdecimal()):
            yield Check(algorithm, digest, int(parts or 0))
    # Encrypted with a key of KMS or of the caller, the ETag is no MD5.
    encrypted = "kms" in headers.get("x-amz-server-side-encryption", "") or any(
        name.startswith("x-amz-server-side-encryption-customer") for name in headers
    )
    if not encrypted and (match := _MD5.fullmatch(etag)):
        parts_of_upload = int(match[2] or 0)
        if parts_of_upload or size <= MAX_WHOLE_MD5_BYTES:
            yield Check("md5", bytes.fromhex(match[1]), parts_of_upload)
