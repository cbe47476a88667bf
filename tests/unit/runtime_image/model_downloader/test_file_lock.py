import os
import threading
from pathlib import Path

from runtime_image.model_downloader import file_lock


def lock(path: Path) -> int:
    descriptor = file_lock.lock(path, is_wanted=lambda: True)
    assert descriptor is not None
    return descriptor


def test_one_at_a_time_has_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "file"
    first = lock(path)
    assert file_lock.try_lock(path) is None
    os.close(first)
    second = file_lock.try_lock(path)
    assert second is not None
    os.close(second)


def test_whoever_waits_for_a_file_that_gets_another_place_has_a_new_one(tmp_path: Path) -> None:
    path, place = tmp_path / "file", tmp_path / "place"
    first, locked = lock(path), threading.Event()
    os.write(first, b"first")

    def wait() -> None:
        second = lock(path)
        locked.set()
        os.write(second, b"second")
        os.close(second)

    thread = threading.Thread(target=wait)
    thread.start()
    assert not locked.wait(0.3)
    path.rename(place)
    os.close(first)
    thread.join()
    assert (place.read_bytes(), path.read_bytes()) == (b"first", b"second")


def test_waiting_ends_when_the_file_is_not_wanted_any_more(tmp_path: Path) -> None:
    path = tmp_path / "file"
    first = lock(path)
    answers = iter([True, True, False])
    assert file_lock.lock(path, is_wanted=lambda: next(answers)) is None
    os.close(first)
