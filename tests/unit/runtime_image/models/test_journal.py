import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_image.models import journal
from runtime_image.models.errors import Interrupted
from runtime_image.models.journal import Journal
from runtime_image.models.ranges import Range

RANGES = st.tuples(st.integers(0, 10**12), st.integers(1, 10**9)).map(lambda pair: Range(pair[0], sum(pair)))


def lock(path: Path) -> Journal:
    return Journal.lock(path, is_wanted=lambda: True)


def reopened(path: Path, identity: object) -> list[Range]:
    again = lock(path)
    try:
        return again.begin(identity)
    finally:
        again.close()


@given(st.lists(RANGES), st.data())
def test_a_journal_that_was_torn_anywhere_gives_the_ranges_before_the_tear(
    ranges: list[Range], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        first = lock(path)
        first.begin("etag")
        header_bytes = path.stat().st_size
        for finished in ranges:
            first.add(finished)
        first.close()
        content = path.read_bytes()
        kept = data.draw(st.integers(0, len(content)))
        path.write_bytes(content[:kept])
        whole_lines = content[header_bytes:kept].count(b"\n") if kept >= header_bytes else 0

        second = lock(path)
        assert second.begin("etag") == ranges[:whole_lines]
        second.add(Range(1, 2))
        second.close()
        assert reopened(path, "etag") == [*ranges[:whole_lines], Range(1, 2)]


@given(st.binary(max_size=200))
def test_whatever_is_in_the_file_a_journal_begins(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        path.write_bytes(content)
        assert reopened(path, "etag") == []


@pytest.mark.parametrize("line", ["[5, 5]", "[-1, 4]", "{}", "[1]", "null", "nonsense", '["1", 2]'])
def test_a_line_that_is_no_range_is_left_out(tmp_path: Path, line: str) -> None:
    path = tmp_path / "journal"
    first = lock(path)
    first.begin("etag")
    first.close()
    path.write_text(f"{path.read_text()}{line}\n[3, 4]\n")
    assert reopened(path, "etag") == [Range(3, 4)]


def test_another_object_or_another_start_of_the_machine_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"
    first = lock(path)
    first.begin("etag")
    first.add(Range(0, 10))
    first.close()
    assert reopened(path, "etag") == [Range(0, 10)]
    monkeypatch.setattr(journal, "boot_id", lambda: "another")
    assert reopened(path, "etag") == []
    monkeypatch.undo()
    assert reopened(path, "another etag") == []


def test_the_second_waits_for_the_first_and_then_has_a_journal_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first, locked = lock(path), threading.Event()

    def wait() -> None:
        second = lock(path)
        locked.set()
        second.add(Range(0, 1))
        second.close()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not locked.wait(0.3)
    first.remove()
    first.close()
    thread.join()
    assert path.read_text() == "[0, 1]\n"


def test_waiting_ends_when_the_file_is_not_wanted_any_more(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first = lock(path)
    with pytest.raises(Interrupted):
        Journal.lock(path, is_wanted=lambda: False)
    first.close()
