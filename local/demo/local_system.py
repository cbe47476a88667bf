"""Local system of the demo, started and stopped as a user does it."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import yaml

from runtime_image.process.parent_death import end_with_parent

#: Seconds without a line in any log file of a start, of which the import of torch from a cold disk is the longest part.
STALL_SECONDS: Final = 300.0
STOP_SECONDS: Final = 30.0
_PROJECT: Final = Path(__file__).parents[2]


class DemoFailed(Exception):
    """Raised when the demo cannot go on; the message is for the person who typed `make run`."""


def write_environment(path: Path, *, link_host: str, link_bucket: str) -> None:
    """Write the local environment with the places that the demo's input pictures come from."""
    environment = yaml.safe_load((_PROJECT / "environments" / "local.yaml").read_text())
    environment["allowedLinkHosts"] = [*environment.get("allowedLinkHosts", ()), link_host]
    environment["linkBuckets"] = [*environment.get("linkBuckets", ()), link_bucket]
    path.write_text(yaml.safe_dump(environment, sort_keys=False))


@contextmanager
def running_system(*, state_directory: Path, environment_file: Path) -> Iterator[None]:
    """Run `python -m local up` while the block runs; it is ready when the block begins."""
    endpoints = state_directory / "endpoints.json"
    endpoints.unlink(missing_ok=True)
    command = [sys.executable, "-m", "local", "up"]
    command += ["--port", "0", "--state-dir", str(state_directory), "--environment", str(environment_file)]
    process = subprocess.Popen(  # noqa: S603 - our own program
        command,
        cwd=_PROJECT,
        stdout=subprocess.DEVNULL,
        preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call
    )
    try:
        logged, changed_at = 0, time.monotonic()
        while not endpoints.exists():
            if process.poll() is not None:
                raise DemoFailed(f"the local system ended with exit code {process.returncode}; see the lines above")
            if (now_logged := _logged_bytes(state_directory)) != logged:
                logged, changed_at = now_logged, time.monotonic()
            if time.monotonic() - changed_at > STALL_SECONDS:
                raise DemoFailed(f"the start of the local system made no progress for {STALL_SECONDS:g} s")
            time.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _logged_bytes(state_directory: Path) -> int:
    return sum(file.stat().st_size for file in (state_directory / "logs").glob("**/*.log"))
