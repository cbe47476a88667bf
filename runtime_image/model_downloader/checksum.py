"""Checksums of S3 objects: those that an answer of S3 offers, and their comparison with a file on disk."""

import base64
import binascii
import hashlib
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Final

from awscrt import checksums

#: Bytes of one read, and bytes of which one thread computes the CRC.
BLOCK_BYTES: Final = 1024 * 1024
PIECE_BYTES: Final = 32 * 1024 * 1024
#: Threads that read and compute. The disk or the processors are busy with fewer.
THREADS: Final = 4
#: S3's checksums, the fastest first. The CRCs of pieces can be combined, so that several threads compute them.
ALGORITHMS: Final = ("crc64nvme", "crc32c", "crc32", "sha1", "sha256")
#: Bytes above which the MD5 of a whole object is not computed: one processor computes 0.8 GB/s, less than a network.
#: By default, clients of S3 upload such objects in parts, so that only other servers have these ETags.
MAX_WHOLE_MD5_BYTES: Final = 256 * 1024 * 1024
_MD5: Final = re.compile(r"([0-9a-f]{32})(?:-([0-9]{1,5}))?")
#: Update function, combination of two values, and bytes of the value. The CRC-32 of zlib is faster than awscrt's.
_CRCS: Final[dict[str, tuple[Callable[[bytes, int], int], Callable[[int, int, int], int], int]]] = {
    "crc64nvme": (checksums.crc64nvme, checksums.combine_crc64nvme, 8),
    "crc32c": (checksums.crc32c, checksums.combine_crc32c, 4),
    "crc32": (zlib.crc32, checksums.combine_crc32, 4),
}


@dataclass(frozen=True)
class Check:
    """Digest of all bytes or, with `parts`, of the joined digests of its upload's parts of `part_bytes` each."""

    algorithm: str
    digest: bytes
    parts: int = 0
    part_bytes: int = 0


def bare_etag(value: str) -> str:
    """Return an ETag without its quotes."""
    return value.removeprefix("W/").strip('"')


def checks_in(headers: Mapping[str, str], size: int) -> Iterator[Check]:
    """Yield the checks that an answer of S3 offers, the fastest first. The names of `headers` are in lower case."""
    etag = bare_etag(headers.get("etag", ""))
    # Without a type, the checksum of an upload in parts could be that of the parts or that of the whole object.
    is_clear = "-" not in etag or "x-amz-checksum-type" in headers
    for algorithm in ALGORITHMS:
        text, _, parts = headers.get(f"x-amz-checksum-{algorithm}", "").partition("-")
        try:
            digest = base64.b64decode(text, validate=True)
        except binascii.Error:
            continue
        if digest and (is_clear or parts) and (not parts or parts.isdecimal()):
            yield Check(algorithm, digest, int(parts or 0))
    # The ETag of an object that is encrypted with a key of KMS or of the caller is not an MD5.
    encrypted = "kms" in headers.get("x-amz-server-side-encryption", "") or any(
        name.startswith("x-amz-server-side-encryption-customer") for name in headers
    )
    if not encrypted and (match := _MD5.fullmatch(etag)):
        parts_of_upload = int(match[2] or 0)
        if parts_of_upload or size <= MAX_WHOLE_MD5_BYTES:
            yield Check("md5", bytes.fromhex(match[1]), parts_of_upload)


def file_matches(path: Path, size: int, check: Check) -> bool:
    """Return True if the first `size` bytes of a file, read back from the disk, have the digest."""
    whole_step = PIECE_BYTES if check.algorithm in _CRCS else max(size, 1)
    step = check.part_bytes if check.parts else whole_step
    pieces = [(start, min(start + step, size)) for start in range(0, size, step)] or [(0, 0)]
    with path.open("rb") as file, ThreadPoolExecutor(min(THREADS, len(pieces))) as pool:
        digests = list(pool.map(lambda piece: _digest(_blocks(file.fileno(), *piece), check.algorithm), pieces))
    if check.parts:
        return len(digests) == check.parts and _digest(digests, check.algorithm) == check.digest
    digest = digests[0]
    for (start, end), following in zip(pieces[1:], digests[1:], strict=True):
        combine = _CRCS[check.algorithm][1]
        digest = combine(int.from_bytes(digest), int.from_bytes(following), end - start).to_bytes(len(digest))
    return digest == check.digest


def _blocks(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    while block := os.pread(descriptor, min(BLOCK_BYTES, end - start), start):
        yield block
        start += len(block)


def _digest(blocks: Iterable[bytes], algorithm: str) -> bytes:
    if algorithm in _CRCS:
        update, _, digest_bytes = _CRCS[algorithm]
        return reduce(lambda value, block: update(block, value), blocks, 0).to_bytes(digest_bytes)
    hasher = hashlib.new(algorithm, usedforsecurity=False)
    for block in blocks:
        hasher.update(block)
    return hasher.digest()
