"""Whether a file on disk is what the bucket holds, read from the disk and computed on several processors."""

import hashlib
import os
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from awscrt import checksums

from runtime_image.model_downloader.ranges import Range, split_ranges
from runtime_image.model_downloader.remote_file import Check

#: Bytes that are read at a time.
BLOCK_BYTES: Final = 1024 * 1024
#: Bytes of which one thread computes the CRC.
PIECE_BYTES: Final = 32 * 1024 * 1024
#: Threads that read and compute; the disk or the processors are busy with fewer.
THREADS: Final = 4

_Crc = Callable[[memoryview, int], int]
#: CRC, the joining of two, and bytes of the result.
_CRCS: Final[dict[str, tuple[_Crc, Callable[[int, int, int], int], int]]] = {
    "crc64nvme": (checksums.crc64nvme, checksums.combine_crc64nvme, 8),
    "crc32c": (checksums.crc32c, checksums.combine_crc32c, 4),
    # zlib's is faster than the CRT's, which has no instruction for this polynomial.
    "crc32": (zlib.crc32, checksums.combine_crc32, 4),
}


def file_passes(descriptor: int, size: int, check: Check, part_bytes: int) -> bool:
    """Tell whether the open file of `size` bytes has the digest.

    `part_bytes` is the size of the upload's parts, all but the last, where the check is made of parts.
    """
    if not check.parts:
        return _digest(descriptor, Range(0, size), check.algorithm) == check.digest
    parts = split_ranges([Range(0, size)], part_bytes)
    with ThreadPoolExecutor(THREADS) as pool:
        digests = pool.map(lambda part: _digest_of_part(descriptor, part, check.algorithm), parts)
        joined = b"".join(digests)
    return len(parts) == check.parts and _digest_of_bytes(joined, check.algorithm) == check.digest


def _digest(descriptor: int, whole: Range, algorithm: str) -> bytes:
    if algorithm not in _CRCS:
        return _digest_of_part(descriptor, whole, algorithm)
    _, combine, digest_bytes = _CRCS[algorithm]
    pieces = split_ranges([whole], PIECE_BYTES)
    result = 0
    with ThreadPoolExecutor(min(THREADS, len(pieces) or 1)) as pool:
        for piece, crc in zip(pieces, pool.map(lambda piece: _crc(descriptor, piece, algorithm), pieces), strict=True):
            result = combine(result, crc, piece.end - piece.start)
    return result.to_bytes(digest_bytes)


def _digest_of_part(descriptor: int, part: Range, algorithm: str) -> bytes:
    if algorithm in _CRCS:
        return _crc(descriptor, part, algorithm).to_bytes(_CRCS[algorithm][2])
    digest = hashlib.new(algorithm, usedforsecurity=False)
    _read(descriptor, part, digest.update)
    return digest.digest()


def _digest_of_bytes(content: bytes, algorithm: str) -> bytes:
    if algorithm in _CRCS:
        crc, _, digest_bytes = _CRCS[algorithm]
        return crc(memoryview(content), 0).to_bytes(digest_bytes)
    return hashlib.new(algorithm, content, usedforsecurity=False).digest()


def _crc(descriptor: int, piece: Range, algorithm: str) -> int:
    crc, result = _CRCS[algorithm][0], 0

    def update(block: memoryview) -> None:
        nonlocal result
        result = crc(block, result)

    _read(descriptor, piece, update)
    return result


def _read(descriptor: int, part: Range, take: Callable[[memoryview], None]) -> None:
    buffer = memoryview(bytearray(min(BLOCK_BYTES, part.end - part.start)))
    position = part.start
    while position < part.end:
        count = os.preadv(descriptor, [buffer[: part.end - position]], position)
        if not count:
            return
        take(buffer[:count])
        position += count
