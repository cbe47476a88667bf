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

#: Seconds until the system must be ready; the first start also writes the checkpoints and warms the disk cache.
READY_SECONDS: Final = 180.0
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
    process = subprocess.Popen(command, cwd=_PROJECT, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not endpoints.exists():
            if process.poll() is not None:
                raise DemoFailed(f"the local system ended with exit code {process.returncode}; see the lines above")
            if time.monotonic() > deadline:
                raise DemoFailed(f"the local system is not ready after {READY_SECONDS:g} s; see {state_directory}")
            time.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
