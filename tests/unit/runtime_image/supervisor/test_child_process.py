import os
import signal
import sys
import threading
from pathlib import Path
from typing import IO

import pytest

from runtime_image.process.threads import ThreadFailed
from runtime_image.supervisor import events as on
from runtime_image.supervisor.child_process import ChildProcess

MEBIBYTE = 1024 * 1024
#: Reads a mapped file, and allocates as many bytes as the second argument says.
READS = """
import mmap, sys, time
file = open(sys.argv[1], "rb")
mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
sum(mapped[::4096])
own = b"x" * int(sys.argv[2])
print("read", flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the two apart")
@pytest.mark.parametrize(("own_mebibytes", "least", "most"), [(0, 1, 64), (64, 64, 128)])
def test_what_a_process_has_mapped_is_not_its_own(tmp_path: Path, own_mebibytes: int, least: int, most: int) -> None:
    file, has_read, has_ended = tmp_path / "model", threading.Event(), threading.Event()
    file.write_bytes(b"x" * 64 * MEBIBYTE)

    def read(stream: IO[bytes], _child: ChildProcess) -> None:
        with stream:
            if stream.readline():
                has_read.set()

    command = [sys.executable, "-c", READS, str(file), str(own_mebibytes * MEBIBYTE)]
    child = ChildProcess(
        "webui", command, environment=dict(os.environ), post=lambda _: has_ended.set(), read_output=read
    )
    try:
        assert has_read.wait(60)
        assert least * MEBIBYTE <= child.resident_bytes() < most * MEBIBYTE
    finally:
        child.send(signal.SIGKILL)
    assert has_ended.wait(60)


def test_a_failure_to_read_the_output_is_an_event() -> None:
    events: list[on.Event] = []
    ended = threading.Event()

    def post(event: on.Event) -> None:
        events.append(event)
        if len(events) == 2:
            ended.set()

    def read(stream: IO[bytes], _child: ChildProcess) -> None:
        stream.close()
        raise ValueError("the log is full")

    ChildProcess("webui", [sys.executable, "-c", ""], environment=dict(os.environ), post=post, read_output=read)

    assert ended.wait(60)
    (failure,) = [event for event in events if isinstance(event, ThreadFailed)]
    assert failure.name == "webui-output"
    assert str(failure.error) == "the log is full"
