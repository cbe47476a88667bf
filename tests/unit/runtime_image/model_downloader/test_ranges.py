from hypothesis import given
from hypothesis import strategies as st

from runtime_image.model_downloader.ranges import Range, missing_ranges, split_ranges, total_bytes

SIZES = st.integers(0, 200)
RANGES = st.tuples(st.integers(0, 220), st.integers(1, 60)).map(lambda pair: Range(pair[0], sum(pair)))


def bytes_of(ranges: list[Range]) -> list[int]:
    return [position for start, end in ranges for position in range(start, end)]


@given(SIZES, st.lists(RANGES))
def test_missing_and_finished_bytes_are_all_bytes_and_never_the_same(size: int, finished: list[Range]) -> None:
    missing = bytes_of(missing_ranges(size, finished))
    have = set(bytes_of(finished)) & set(range(size))
    assert sorted(missing) == missing
    assert set(missing) == set(range(size)) - have
    assert len(set(missing)) == len(missing)


@given(SIZES, st.lists(RANGES), st.integers(1, 50))
def test_pieces_hold_the_same_bytes_and_none_is_too_large_or_empty(
    size: int, finished: list[Range], max_bytes: int
) -> None:
    missing = missing_ranges(size, finished)
    pieces = split_ranges(missing, max_bytes)
    assert bytes_of(pieces) == bytes_of(missing)
    assert all(0 < piece.end - piece.start <= max_bytes for piece in pieces)
    assert total_bytes(pieces) == len(bytes_of(missing))


def test_the_header_counts_the_last_byte_in() -> None:
    assert Range(0, 10).header == "bytes=0-9"
