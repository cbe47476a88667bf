import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from runtime_image.model_downloader.download_manifest import DownloadManifest, ManifestEntry

NOTE = ManifestEntry("Lora/ink.safetensors", "etag", 5, 1_700_000_000_000_000_001, "boot")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def test_what_one_process_notes_the_others_know(path: Path) -> None:
    here, there = DownloadManifest(path), DownloadManifest(path)
    assert there.of(NOTE.key) is None
    here.add(NOTE)
    assert there.of(NOTE.key) == NOTE
    there.add(replace(NOTE, etag="newer"))
    here.add(replace(NOTE, key="another"))
    assert here.of(NOTE.key) == replace(NOTE, etag="newer")
    assert {note.key for note in there.all()} == {NOTE.key, "another"}


def test_notes_that_are_gone_are_known_no_more(path: Path) -> None:
    notes = DownloadManifest(path)
    notes.add(NOTE)
    assert notes.of(NOTE.key)
    path.unlink()
    assert notes.all() == []
    DownloadManifest(path).add(replace(NOTE, key="b"))
    assert [note.key for note in notes.all()] == ["b"]


def test_a_shorter_file_is_read_anew(path: Path) -> None:
    notes = DownloadManifest(path)
    notes.add(NOTE)
    first_bytes = path.stat().st_size
    notes.add(replace(NOTE, key="b"))
    assert len(notes.all()) == 2
    os.truncate(path, first_bytes)
    assert notes.all() == [NOTE]


@pytest.mark.parametrize(
    "line", [b"nonsense", b"{}", b"[]", b"null", b'{"key": 5}', b'{"key": "x", "etag": "y"', b"\xff", b"[" * 5000]
)
def test_a_line_that_is_no_note_costs_no_other(path: Path, line: bytes) -> None:
    notes = DownloadManifest(path)
    notes.add(NOTE)
    with path.open("ab") as file:
        file.write(b"\n" + line)
    notes.add(replace(NOTE, key="b"))
    assert [note.key for note in DownloadManifest(path).all()] == [NOTE.key, "b"]
    assert [note.key for note in notes.all()] == [NOTE.key, "b"]


def test_many_that_note_at_once_lose_nothing(path: Path) -> None:
    def add(thread: int) -> None:
        notes = DownloadManifest(path)
        for number in range(100):
            notes.add(replace(NOTE, key=f"{thread}/{number}"))

    threads = [threading.Thread(target=add, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(DownloadManifest(path).all()) == 400
