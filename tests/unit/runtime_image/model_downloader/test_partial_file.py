import threading
from pathlib import Path

import pytest

from runtime_image.model_downloader import partial_file
from runtime_image.model_downloader.bucket import RemoteFile
from runtime_image.model_downloader.errors import Interrupted
from runtime_image.model_downloader.partial_file import PartialFile

PART_BYTES = 10
FILE = RemoteFile("Lora/ink.safetensors", 35, "etag")
CONTENT = b"".join(bytes([65 + number]) * PART_BYTES for number in range(4))[: FILE.size]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ink.part"


def lock(path: Path) -> PartialFile:
    return PartialFile.lock(path, is_wanted=lambda: True)


def fill(part: PartialFile, *numbers: int) -> None:
    for number in numbers:
        start = number * PART_BYTES
        part.write(CONTENT[start : start + PART_BYTES], start)
        part.finish_part(number)


def begin_and_close(path: Path, *numbers: int) -> None:
    part = lock(path)
    assert part.begin(FILE, PART_BYTES) == [0, 1, 2, 3]
    fill(part, *numbers)
    part.close()


def test_finished_parts_stay_for_the_next_download(path: Path, tmp_path: Path) -> None:
    begin_and_close(path, 3, 1)
    part = lock(path)
    assert part.begin(FILE, PART_BYTES) == [0, 2]
    fill(part, 2, 0)
    part.seal()
    part.publish(tmp_path / "place")
    part.close()
    assert (tmp_path / "place").read_bytes() == CONTENT
    assert [left.name for left in tmp_path.iterdir()] == ["place"]


@pytest.mark.parametrize(
    "other", [RemoteFile(FILE.key, 35, "another"), RemoteFile(FILE.key, 5, "etag"), RemoteFile(FILE.key, 300, "etag")]
)
def test_parts_of_another_object_are_deleted(path: Path, tmp_path: Path, other: RemoteFile) -> None:
    begin_and_close(path, 0, 1)
    part = lock(path)
    assert part.begin(other, PART_BYTES) == list(range(-(-other.size // PART_BYTES)))
    part.seal()
    part.publish(tmp_path / "place")
    part.close()
    assert (tmp_path / "place").read_bytes() == bytes(other.size)


def test_another_part_size_starts_again(path: Path) -> None:
    begin_and_close(path, 0, 1)
    part = lock(path)
    assert part.begin(FILE, PART_BYTES + 2) == [0, 1, 2]
    part.close()


def test_another_start_of_the_machine_starts_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin_and_close(path, 0)
    monkeypatch.setattr(partial_file, "boot_id", lambda: "another")
    begin_and_close(path)


def test_a_torn_log_gives_only_parts_that_were_finished(path: Path) -> None:
    begin_and_close(path, 0, 2)
    content = path.read_bytes()
    for kept in range(FILE.size, len(content) + 1):
        path.write_bytes(content[:kept])
        part = lock(path)
        assert set(part.begin(FILE, PART_BYTES)) >= {1, 3}
        part.close()


@pytest.mark.parametrize("content", [b"", b"x", bytes(35), bytes(100), bytes(range(200))])
def test_any_file_can_become_a_partial_file(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    begin_and_close(path, 0)
    part = lock(path)
    assert part.begin(FILE, PART_BYTES) == [1, 2, 3]
    part.close()


def test_a_file_without_bytes_is_removed(path: Path) -> None:
    lock(path).close()
    assert not path.exists()


def test_a_discarded_file_starts_again(path: Path) -> None:
    first = lock(path)
    first.begin(FILE, PART_BYTES)
    fill(first, 0)
    first.discard()
    second = lock(path)
    first.close()
    assert second.begin(FILE, PART_BYTES) == [0, 1, 2, 3]
    second.close()
    assert path.exists()


def test_one_download_at_a_time_holds_a_file(path: Path) -> None:
    first = lock(path)
    answers = iter([True, True, False])
    assert PartialFile.try_lock(path) is None
    with pytest.raises(Interrupted):
        PartialFile.lock(path, is_wanted=lambda: next(answers))
    first.close()


def test_the_next_download_gets_a_new_file_once_the_first_was_published(path: Path, tmp_path: Path) -> None:
    first, locked = lock(path), threading.Event()
    first.begin(RemoteFile("a", 5, "etag"), PART_BYTES)
    first.write(b"first", 0)

    def download_again() -> None:
        second = lock(path)
        locked.set()
        second.write(b"second", 0)
        second.close()

    thread = threading.Thread(target=download_again)
    thread.start()
    assert not locked.wait(0.2)
    first.publish(tmp_path / "place")
    first.close()
    thread.join()
    assert ((tmp_path / "place").read_bytes(), path.read_bytes()) == (b"first", b"second")
