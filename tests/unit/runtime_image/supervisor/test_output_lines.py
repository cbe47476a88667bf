import logging
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_image.comfyui.client import ComfyUiClient
from runtime_image.process.logs import EventLog
from runtime_image.supervisor.engines import ComfyUi, SupervisedEngine
from runtime_image.supervisor.output_lines import MAX_LINE_BYTES, OutputLine, OutputLines, log_output
from tests.unit.runtime_image.supervisor.fakes import EMPTY_FOLDERS, FakeEngine, FakeProcess


def read(*chunks: bytes) -> list[OutputLine]:
    lines = OutputLines()
    return [line for chunk in chunks for line in lines.feed(chunk)] + list(lines.end())


@pytest.mark.parametrize(
    ("chunks", "texts"),
    [
        ((b"one\ntwo\n",), ["one", "two"]),
        ((b"on", b"e\ntw", b"o"), ["one", "two"]),
        ((b"windows\r\nlines\r\n",), ["windows", "lines"]),
        ((b"split\r", b"\nend\n"), ["split", "end"]),
        ((b"  5%|\r 50%|\r100%|\n",), ["100%|"]),
        ((b"\r  5%|", b"\r 50%|", b"\r100%|", b"\nnext\n"), ["100%|", "next"]),
        ((b"100%|\r\r\n",), ["100%|"]),
        ((b"\n\n \t\n",), []),
        ((b"\x1b[32mgreen\x1b[0m\x1b[2K\n",), ["green"]),
        ((b"\xff\xfe\n",), ["��"]),
        ((b"",), []),
    ],
)
def test_lines(chunks: tuple[bytes, ...], texts: list[str]) -> None:
    assert [line.text for line in read(*chunks)] == texts


def test_a_line_is_cut_at_its_limit_and_the_next_is_whole() -> None:
    assert read(b"x" * MAX_LINE_BYTES + b"\n", b"y" * MAX_LINE_BYTES, b"y\nz\n") == [
        OutputLine("x" * MAX_LINE_BYTES, cut=False),
        OutputLine("y" * MAX_LINE_BYTES, cut=True),
        OutputLine("z", cut=False),
    ]


def test_a_bar_that_is_taken_back_takes_its_cut_back() -> None:
    assert read(b"x" * 9000 + b"\rshort\n") == [OutputLine("short", cut=False)]


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_chunks_make_no_difference(chunks: list[bytes]) -> None:
    assert read(*chunks) == read(b"".join(chunks))


@given(st.binary())
def test_any_bytes_make_single_lines_of_bounded_length(content: bytes) -> None:
    for line in read(content * 50):
        assert line.text.strip()
        assert not set(line.text) & {"\n", "\r"}
        assert len(line.text) <= MAX_LINE_BYTES


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=50)))
def test_plain_lines_come_through_as_they_are(texts: list[str]) -> None:
    assert [line.text for line in read("\n".join(texts).encode())] == texts


@pytest.mark.parametrize(
    ("output", "has_started"),
    [
        (b"Running on local URL:  http://127.0.0.1:7860\n", False),
        (b"Startup time: 5.1s (launcher: 1.0s).\n", True),
        (b"  0%|          | 0/20\r 50%|#####     |Startup time: 5.1s.\n", True),
        (b"\x1b[32mStartup time: 5.1s", True),
    ],
)
def test_the_line_that_ends_the_start_is_found(output: bytes, has_started: bool) -> None:
    process = FakeProcess("webui")
    process.started.clear()

    log_lines(output, FakeEngine(), process)

    assert process.started.is_set() is has_started


def test_no_line_about_the_end_of_a_thread_decides_anything() -> None:
    """A workflow's text may have line breaks, and ComfyUI prints it as it is."""
    process = FakeProcess("comfyui")
    process.started.clear()

    log_lines(
        b"sampler_name: 'euler\nException in thread Thread-1 (prompt_worker)' not in list\n",
        ComfyUi(client=ComfyUiClient(base_url="http://127.0.0.1:9"), folders=EMPTY_FOLDERS),
        process,
    )

    assert process.started.is_set(), "ComfyUI may be asked at any time"
    assert process.sent == []


def log_lines(output: bytes, engine: SupervisedEngine, process: FakeProcess) -> None:
    """Log this output of an engine."""
    reader, writer = os.pipe()
    os.write(writer, output)
    os.close(writer)
    log_output(os.fdopen(reader, "rb"), process, engine=engine, log=EventLog(logging.getLogger("test")))
