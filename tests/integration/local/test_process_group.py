"""Processes of a group: start, stop, death, and restart."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from local.console import Console
from local.processes.process_group import LocalProcess, ProcessFailed, ProcessGroup
from local.processes.restarting_process import RestartingProcess

LISTENS = 'import time; print("noise"); print(\'{"event": "listening", "port": 7}\', flush=True); time.sleep(60)'
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)

T = TypeVar("T")
Start = Callable[..., Coroutine[Any, Any, LocalProcess]]


def starter(processes: ProcessGroup, folder: Path) -> Start:
    def start(code: str, **options: Any) -> Coroutine[Any, Any, LocalProcess]:
        command = [sys.executable, "-c", code]
        return processes.start(command, name="child", log_file=folder / "child.log", folder=folder, **options)

    return start


def run(folder: Path, scenario: Callable[[ProcessGroup, Start], Awaitable[T]]) -> T:
    async def whole() -> T:
        async with ProcessGroup(environment={"COMMON": "1"}, stop_seconds=0.5) as processes:
            return await scenario(processes, starter(processes, folder))

    return asyncio.run(asyncio.wait_for(whole(), 30))


def test_a_child_says_where_it_listens_and_its_further_output_is_logged(tmp_path: Path) -> None:
    flood = LISTENS.replace("time.sleep(60)", "print('x' * 200_000, flush=True)")

    async def scenario(_: ProcessGroup, start: Start) -> int:
        child = await start(flood, reads_output=True)
        port = await child.listening_port(seconds=60)
        # A full pipe would block it for ever.
        assert await child.wait() == 0
        return port

    assert run(tmp_path, scenario) == 7


@pytest.mark.parametrize(
    ("code", "seconds", "message"),
    [
        ("import sys; sys.exit('cannot do it')", 60, "status 1 (?s:.*)cannot do it"),
        ("import time; time.sleep(60)", 1, "within"),
    ],
)
def test_a_child_that_does_not_come_up_shows_the_end_of_its_log(
    tmp_path: Path, code: str, seconds: float, message: str
) -> None:
    async def scenario(_: ProcessGroup, start: Start) -> None:
        child = await start(code, reads_output=True)
        with pytest.raises(ProcessFailed, match=message):
            await child.listening_port(seconds=seconds)

    run(tmp_path, scenario)


def test_all_children_end_with_their_block_even_stubborn_ones(tmp_path: Path) -> None:
    async def scenario(_: ProcessGroup, start: Start) -> list[LocalProcess]:
        processes = [await start("import time; time.sleep(600)"), await start(STUBBORN)]
        async with asyncio.timeout(10):
            while "ready" not in (tmp_path / "child.log").read_text():  # noqa: ASYNC110 - a file has no event
                await asyncio.sleep(0.02)
        return processes

    polite, stubborn = run(tmp_path, scenario)
    assert not polite.running
    assert not stubborn.running


def test_a_child_has_the_given_environment_only(tmp_path: Path) -> None:
    async def scenario(_: ProcessGroup, start: Start) -> None:
        for options in ({}, {"environment": {"OWN": "2"}}):
            child = await start("import os; print(os.environ.get('COMMON'), os.environ.get('OWN'))", **options)
            await child.wait()

    run(tmp_path, scenario)
    assert (tmp_path / "child.log").read_text().splitlines() == ["1 None", "None 2"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_children_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    code = f"""
import asyncio, pathlib, sys, time
from local.processes.process_group import ProcessGroup

async def main():
    async with ProcessGroup(environment={{}}) as processes:
        folder = pathlib.Path({str(tmp_path)!r})
        child = await processes.start([sys.executable, "-c", "import time; time.sleep(60)"],
                                     name="child", log_file=folder / "log", folder=folder)
        print(child.pid, flush=True)
        time.sleep(60)

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.kill()
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not psutil.pid_exists(pid)


def test_a_restarting_process_starts_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario(_: ProcessGroup, start: Start) -> tuple[int, int]:
        async def start_child() -> LocalProcess:
            return await start("import time; time.sleep(60)")

        restarting = RestartingProcess(await start_child(), start=start_child, console=Console())
        keeping = asyncio.create_task(restarting.keep_running())
        first = restarting.process.pid
        await restarting.process.kill()
        async with asyncio.timeout(10):
            while restarting.process.pid == first:  # noqa: ASYNC110 - a restart sets no event
                await asyncio.sleep(0.02)
        keeping.cancel()
        return first, restarting.process.pid

    first, second = run(tmp_path, scenario)
    assert first != second
    assert "child ended with status -9; it starts again" in capsys.readouterr().err
