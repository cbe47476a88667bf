"""Programs that a benchmark starts. Each stops when the benchmark ends, for whatever reason."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[1]
#: Credentials that no AWS would accept, so that no benchmark ever reaches a real one.
AWS_VARIABLES: Final[Mapping[str, str]] = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
#: Characters of a program's log that an error repeats.
_LOG_TAIL_LENGTH: Final = 2000
#: Seconds from SIGTERM in which a program ends.
_STOP_SECONDS: Final = 20.0

Process = subprocess.Popen[bytes]


def start(arguments: Sequence[str], *, log_file: Path, variables: Mapping[str, str] | None = None) -> Process:
    """Start a Python program of this project; its output is appended to the log file."""
    with log_file.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env={**os.environ, **(variables or {})},
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def start_agent(variables: Mapping[str, str], *, log_file: Path) -> Process:
    """Start an agent next to a Web UI that has started; `variables` are those of its settings."""
    # Any file that exists and does not change: in a container the supervisor has found the Web UI ready.
    ready = {"ENGINE_READY_FILE": __file__}
    # As the supervisor does; without it freed memory stays with each thread.
    memory = {"MALLOC_ARENA_MAX": "2"}
    variables = {**AWS_VARIABLES, **memory, **ready, **variables}
    return start(["-m", "runtime_image.agent"], log_file=log_file, variables=variables)


def wait_until(
    is_done: Callable[[], bool], awaited: str, *, seconds: float, poll_seconds: float, log_file: Path
) -> None:
    """Return when `is_done` is true, or raise TimeoutError with the end of the agent's log."""
    deadline = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > deadline:
            log = log_file.read_text()[-_LOG_TAIL_LENGTH:]
            raise TimeoutError(f"{awaited} did not come within {seconds:.0f} s; the agent's log ends with:\n{log}")
        time.sleep(poll_seconds)


def stop(process: Process) -> None:
    """End a process, gently at first."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def running(process: Process) -> Iterator[Process]:
    """Stop the process at the end of the block."""
    try:
        yield process
    finally:
        stop(process)


class Server:
    """A program whose first line of output is JSON with its port on 127.0.0.1."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.process = subprocess.Popen([sys.executable, *arguments], cwd=PROJECT, stdout=subprocess.PIPE)
        assert self.process.stdout is not None  # noqa: S101 - it was asked for; tells the type checker
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(arguments)} did not start")
        self.port = int(json.loads(line)["port"])

    @property
    def url(self) -> str:
        """Address without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """End it."""
        stop(self.process)
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def serving(arguments: Sequence[str]) -> Iterator[Server]:
    """Run a server during the block."""
    server = Server(arguments)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def local_aws(*, delay_ms: float = 0.0) -> Iterator[tuple[str, str]]:
    """Run a local AWS during the block; yield its address, and the address whose calls take `delay_ms` longer."""
    with serving(["-m", "local.aws.server"]) as aws:
        if not delay_ms:
            yield aws.url, aws.url
            return
        with serving(["-m", "benchmarks.aws_proxy", "--target", aws.url, "--delay-ms", str(delay_ms)]) as proxy:
            yield aws.url, proxy.url
