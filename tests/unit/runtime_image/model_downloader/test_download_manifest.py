import os
from pathlib import Path

import pytest

from runtime_image.model_downloader.download_manifest import DownloadManifest, ManifestEntry

ENTRY = ManifestEntry(
    key="Lora/ink.safetensors", etag="etag", size=5, modified_ns=1_700_000_000_000_000_001, boot="boot"
)
OTHER = ENTRY.model_copy(update={"key": "Lora/oil.safetensors"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "manifest"


def test_processes_share_their_entries(path: Path) -> None:
    here, there = DownloadManifest(path), DownloadManifest(path)
    assert there.entries() == {}
    here.add(ENTRY)
    assert there.entries() == {ENTRY.key: ENTRY}
    newer = ENTRY.model_copy(update={"etag": "newer"})
    there.add(newer)
    here.add(OTHER)
    assert here.entries() == there.entries() == {ENTRY.key: newer, OTHER.key: OTHER}


def test_a_removed_manifest_starts_empty(path: Path) -> None:
    manifest = DownloadManifest(path)
    manifest.add(ENTRY)
    assert manifest.entries()
    path.unlink()
    assert manifest.entries() == {}
    DownloadManifest(path).add(OTHER)
    assert list(manifest.entries()) == [OTHER.key]


def test_a_shorter_manifest_is_read_again(path: Path) -> None:
    manifest = DownloadManifest(path)
    manifest.add(ENTRY)
    first_bytes = path.stat().st_size
    manifest.add(OTHER)
    assert len(manifest.entries()) == 2
    os.truncate(path, first_bytes)
    assert list(manifest.entries()) == [ENTRY.key]


@pytest.mark.parametrize(
    "line", [b"nonsense", b"{}", b"[]", b"null", b'{"key": 5}', b'{"key": "x", "etag": "y"', b"\xff", b"[" * 5000]
)
def test_a_broken_line_costs_no_other_entry(path: Path, line: bytes) -> None:
    manifest = DownloadManifest(path)
    manifest.add(ENTRY)
    with path.open("ab") as file:
        file.write(b"\n" + line)
    manifest.add(OTHER)
    assert manifest.entries() == {ENTRY.key: ENTRY, OTHER.key: OTHER}
