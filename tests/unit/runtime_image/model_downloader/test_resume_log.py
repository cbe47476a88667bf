from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_image.model_downloader import resume_log
from runtime_image.model_downloader.ranges import Range
from runtime_image.model_downloader.resume_log import ResumeLog

RANGES = st.tuples(st.integers(0, 10**12), st.integers(1, 10**9)).map(lambda pair: Range(pair[0], sum(pair)))


def write(path: Path, *ranges: Range) -> None:
    """Go on with a journal."""
    journal = ResumeLog(path, identity="etag")
    journal.read()
    for finished in ranges:
        journal.add(finished)
    journal.close()


def reread(path: Path, identity: object = "etag") -> list[Range]:
    return ResumeLog(path, identity=identity).read()


@given(st.lists(RANGES, min_size=1), st.data())
def test_a_journal_that_was_torn_anywhere_gives_the_ranges_before_the_tear(
    ranges: list[Range], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        write(path, *ranges)
        content = path.read_bytes()
        kept = data.draw(st.integers(0, len(content)))
        path.write_bytes(content[:kept])
        before_the_tear = ranges[: max(content[:kept].count(b"\n") - 1, 0)]

        assert reread(path) == before_the_tear
        write(path, Range(1, 2))
        assert reread(path) == [*before_the_tear, Range(1, 2)]


@given(st.binary(max_size=200))
def test_whatever_is_in_the_file_a_journal_begins(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        path.write_bytes(content)
        assert reread(path) == []
        write(path, Range(0, 5))
        assert reread(path) == [Range(0, 5)]


def test_a_journal_is_made_with_the_first_range(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    write(path)
    assert not path.exists()


@pytest.mark.parametrize("line", ["[5, 5]", "[-1, 4]", "{}", "[1]", "null", "nonsense", '["1", 2]'])
def test_a_line_that_is_no_range_is_left_out(tmp_path: Path, line: str) -> None:
    path = tmp_path / "journal"
    write(path, Range(0, 1))
    with path.open("a") as file:
        file.write(f"{line}\n[3, 4]\n")
    assert reread(path) == [Range(0, 1), Range(3, 4)]


def test_another_object_or_another_start_of_the_machine_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"
    write(path, Range(0, 10))
    assert reread(path) == [Range(0, 10)]
    assert reread(path, "another etag") == []
    monkeypatch.setattr(resume_log, "boot_id", lambda: "another")
    assert reread(path) == []
