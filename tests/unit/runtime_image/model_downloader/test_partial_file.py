from pathlib import Path

import pytest

from runtime_image.model_downloader.errors import Interrupted
from runtime_image.model_downloader.partial_file import PartialFile
from runtime_image.model_downloader.ranges import Range
from runtime_image.model_downloader.remote_file import RemoteFile

FILE = RemoteFile("Lora/ink.safetensors", 100, "etag")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ink.part"


def lock(path: Path) -> PartialFile:
    return PartialFile.lock(path, is_wanted=lambda: True)


def write(part: PartialFile, content: bytes, position: int) -> None:
    part.write(memoryview(content), position)
    part.finish(Range(position, position + len(content)))


def test_what_has_come_is_kept_for_the_next_time(path: Path, tmp_path: Path) -> None:
    first = lock(path)
    assert first.begin(FILE) == [Range(0, 100)]
    write(first, b"b" * 40, 60)
    write(first, b"a" * 10, 0)
    first.close()

    second = lock(path)
    assert second.begin(FILE) == [Range(10, 60)]
    write(second, b"m" * 50, 10)
    second.publish(tmp_path / "place")
    second.close()
    assert (tmp_path / "place").read_bytes() == b"a" * 10 + b"m" * 50 + b"b" * 40
    assert [left.name for left in tmp_path.iterdir()] == ["place"]


@pytest.mark.parametrize(
    "other", [RemoteFile(FILE.key, 100, "another"), RemoteFile(FILE.key, 50, "etag"), RemoteFile(FILE.key, 300, "etag")]
)
def test_of_another_object_nothing_is_kept(path: Path, tmp_path: Path, other: RemoteFile) -> None:
    first = lock(path)
    first.begin(FILE)
    write(first, b"a" * 60, 0)
    first.close()
    second = lock(path)
    assert second.begin(other) == [Range(0, other.size)]
    second.publish(tmp_path / "place")
    second.close()
    assert (tmp_path / "place").read_bytes() == bytes(other.size)


def test_a_journal_that_outlived_its_file_says_nothing(path: Path) -> None:
    first = lock(path)
    first.begin(FILE)
    write(first, b"a" * 60, 0)
    first.close()
    path.unlink()
    second = lock(path)
    assert second.begin(FILE) == [Range(0, 100)]
    second.close()


def test_a_file_of_which_nothing_has_come_leaves_nothing(path: Path) -> None:
    lock(path).close()
    assert not path.exists()


def test_a_discarded_file_begins_anew(path: Path) -> None:
    first = lock(path)
    first.begin(FILE)
    write(first, b"a" * 60, 0)
    first.discard()
    second = lock(path)
    first.close()
    assert second.begin(FILE) == [Range(0, 100)]
    second.close()
    assert path.exists()


def test_a_file_that_somebody_fetches_is_not_taken_from_him(path: Path) -> None:
    first = lock(path)
    assert PartialFile.try_lock(path) is None
    with pytest.raises(Interrupted):
        PartialFile.lock(path, is_wanted=lambda: False)
    first.close()
