"""Checks that S3 offers: each detects a single wrong bit."""

import base64
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from awscrt import checksums
from boto3.s3.transfer import TransferConfig

from runtime_image.model_downloader import checksum, downloader
from runtime_image.model_downloader.checksum import MAX_WHOLE_MD5_BYTES, Check, checks_in, file_matches
from runtime_image.model_downloader.errors import CheckFailed
from tests.integration.model_downloader.fault_proxy import corrupt
from tests.integration.model_downloader.harness import CHECKPOINT, DownloaderHarness

PART_BYTES = 5 * 1024 * 1024
Digest = Callable[[bytes], bytes]
DIGESTS: dict[str, Digest] = {
    "crc64nvme": lambda content: checksums.crc64nvme(content).to_bytes(8),
    "crc32c": lambda content: checksums.crc32c(content).to_bytes(4),
    "crc32": lambda content: checksums.crc32(content).to_bytes(4),
    "sha1": lambda content: hashlib.sha1(content).digest(),  # noqa: S324 - one of S3's
    "sha256": lambda content: hashlib.sha256(content).digest(),
    "md5": lambda content: hashlib.md5(content).digest(),  # noqa: S324 - one of S3's
}


@pytest.mark.parametrize("algorithm", DIGESTS)
@pytest.mark.parametrize("size", [0, 1, 4096, 3 * 4096 + 7])
def test_a_whole_file_passes_and_one_wrong_bit_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str, size: int
) -> None:
    monkeypatch.setattr(checksum, "PIECE_BYTES", 4096)
    content = os.urandom(size)
    check = Check(algorithm, DIGESTS[algorithm](content))
    path = tmp_path / "file"
    path.write_bytes(content + b"a resume log")
    assert file_matches(path, size, check)
    if size:
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert not file_matches(path, size, check)


@pytest.mark.parametrize("algorithm", DIGESTS)
def test_digests_of_parts_are_joined_as_s3_does(tmp_path: Path, algorithm: str) -> None:
    parts = [os.urandom(1000), os.urandom(1000), os.urandom(1)]
    digest = DIGESTS[algorithm]
    check = Check(algorithm, digest(b"".join(map(digest, parts))), parts=3, part_bytes=1000)
    path = tmp_path / "file"
    path.write_bytes(b"".join(parts))
    assert file_matches(path, 2001, check)
    assert not file_matches(path, 2001, replace(check, part_bytes=999))


def test_an_upload_in_parts_is_checked_by_its_parts(
    harness: DownloaderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloader, "PART_BYTES", PART_BYTES)
    content = os.urandom(PART_BYTES + 1000)
    path = harness.directory.parent / "upload"
    path.write_bytes(content)
    config = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES)
    harness.s3.upload_file(str(path), harness.proxy.bucket, CHECKPOINT, Config=config)
    file = harness.remote(CHECKPOINT)
    assert file.etag.endswith("-2")
    harness.proxy.fault = lambda _, response: corrupt(response)
    with pytest.raises(CheckFailed):
        harness.fetch(file)
    harness.proxy.fault = lambda _, response: response
    harness.fetch(file)
    assert harness.content() == content
    assert harness.events[-1]["checked_by"] == "md5"


def headers(**values: str) -> Mapping[str, str]:
    return {name.replace("_", "-"): value for name, value in values.items()}


def test_a_checksum_of_all_bytes_of_an_upload_in_parts_is_used() -> None:
    given = headers(etag='"x-2"', x_amz_checksum_type="FULL_OBJECT", x_amz_checksum_crc64nvme="AAAAAAAAAAA=")
    assert list(checks_in(given, 1)) == [Check("crc64nvme", bytes(8))]


MD5 = "0cc175b9c0f1b6a831c399e269772661"


def test_the_fastest_checksum_comes_first_and_the_etag_last() -> None:
    given = headers(
        etag=f'"{MD5}"',
        x_amz_checksum_sha256=base64.b64encode(b"s" * 32).decode(),
        x_amz_checksum_crc32="AAAAAA==-3",
        x_amz_checksum_crc64nvme="AAAAAAAAAAA=",
    )
    assert list(checks_in(given, 1)) == [
        Check("crc64nvme", bytes(8)),
        Check("crc32", bytes(4), parts=3),
        Check("sha256", b"s" * 32),
        Check("md5", bytes.fromhex(MD5)),
    ]


@pytest.mark.parametrize(
    "given",
    [
        {},
        headers(etag='"x-2"', x_amz_checksum_crc32="AAAAAA=="),
        headers(etag='"6b010c54-40000000"'),
        headers(etag=f'"{MD5}"', x_amz_server_side_encryption="aws:kms"),
        headers(etag=f'"{MD5}"', x_amz_server_side_encryption="aws:kms:dsse"),
        headers(etag=f'"{MD5}"', x_amz_server_side_encryption_customer_algorithm="AES256"),
        headers(etag=f'"{MD5}-"'),
        headers(x_amz_checksum_crc32="not base64", x_amz_checksum_crc64nvme="AAAAAAAAAAA=-x"),
    ],
)
def test_other_headers_are_not_used_as_checks(given: Mapping[str, str]) -> None:
    assert not list(checks_in(given, 1))


def test_an_md5_that_would_take_longer_than_the_download_is_left_out() -> None:
    assert list(checks_in({"etag": f'"{MD5}"'}, MAX_WHOLE_MD5_BYTES))
    assert not list(checks_in({"etag": f'"{MD5}"'}, MAX_WHOLE_MD5_BYTES + 1))
    assert list(checks_in({"etag": f'"{MD5}-2"'}, MAX_WHOLE_MD5_BYTES + 1))
