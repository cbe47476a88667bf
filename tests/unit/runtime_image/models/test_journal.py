import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_image.models import journal
from runtime_image.models.journal import Journal
from runtime_image.models.ranges import Range

#: Bytes of the object before the journal.
START = 100
RANGES = st.tuples(st.integers(0, 10**12), st.integers(1, 10**9)).map(lambda pair: Range(pair[0], sum(pair)))


@contextmanager
def opened(path: Path, identity: object = "etag") -> Iterator[Journal]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        yield Journal(descriptor, start=START, identity=identity)
    finally:
        os.close(descriptor)


def written(path: Path, *ranges: Range) -> bytes:
    """Return the bytes of a journal of these ranges."""
    path.write_bytes(bytes(START))
    with opened(path) as first:
        for finished in ranges:
            first.add(finished)
    return path.read_bytes()[START:]


def reread(path: Path, identity: object = "etag") -> list[Range]:
    with opened(path, identity) as again:
        return again.read()


@given(st.lists(RANGES, min_size=1), st.data())
def test_a_journal_that_was_torn_anywhere_gives_the_ranges_before_the_tear(
    ranges: list[Range], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "file")
        content = written(path, *ranges)
        kept = data.draw(st.integers(0, len(content)))
        os.truncate(path, START + kept)
        before_the_tear = ranges[: max(content[:kept].count(b"\n") - 1, 0)]

        with opened(path) as second:
            assert second.read() == before_the_tear
            second.add(Range(1, 2))
        assert reread(path) == [*before_the_tear, Range(1, 2)]


@given(st.binary(max_size=200))
def test_whatever_is_behind_the_object_a_journal_begins(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(bytes(START) + content)
        with opened(path) as first:
            assert first.read() == []
            first.add(Range(0, 5))
        assert Range(0, 5) in reread(path)


@pytest.mark.parametrize("line", ["[5, 5]", "[-1, 4]", "{}", "[1]", "null", "nonsense", '["1", 2]'])
def test_a_line_that_is_no_range_is_left_out(tmp_path: Path, line: str) -> None:
    path = tmp_path / "file"
    written(path, Range(0, 1))
    with path.open("a") as file:
        file.write(f"{line}\n[3, 4]\n")
    assert reread(path) == [Range(0, 1), Range(3, 4)]


def test_another_object_or_another_start_of_the_machine_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    written(path, Range(0, 10))
    assert reread(path) == [Range(0, 10)]
    assert reread(path, "another etag") == []
    monkeypatch.setattr(journal, "boot_id", lambda: "another")
    assert reread(path) == []
