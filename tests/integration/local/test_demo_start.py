"""Start of `make run`: its system cannot start, or a signal ends it before it has."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local.state_directory import StateDirectory
from tests.harness.eventually import eventually
from tests.harness.local_system import PROJECT, READY_SECONDS

STOPPING = "stopping the rest"


def demo_command(directory: Path) -> list[str]:
    command = [sys.executable, "-m", "local.demo"]
    return [*command, "--out", str(directory / "out"), "--state-dir", str(directory / "state")]


def test_a_second_signal_waits_for_the_stop(tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    with (
        errors.open("w") as file,
        subprocess.Popen(demo_command(tmp_path), cwd=PROJECT, stderr=file, start_new_session=True) as demo,
    ):
        try:
            eventually((tmp_path / "state" / "logs" / "aws.log").exists, "the start of AWS", READY_SECONDS)
            demo.terminate()
            eventually(lambda: STOPPING in errors.read_text(), STOPPING, READY_SECONDS)
            (system,) = psutil.Process(demo.pid).children()
            system.suspend()
            # `timeout` signals a process, and then the group of all processes.
            os.killpg(demo.pid, signal.SIGTERM)
            with pytest.raises(subprocess.TimeoutExpired):
                demo.wait(0.5)
            system.resume()
            assert demo.wait(READY_SECONDS) == 128 + signal.SIGTERM
        finally:
            demo.kill()
    output = errors.read_text()
    assert "stopped" in output.partition(STOPPING)[2], output
    assert "Traceback" not in output


def test_a_failure_says_what_to_do(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with StateDirectory(state).lock():
        result = subprocess.run(
            demo_command(tmp_path), cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120
        )
    assert result.returncode == 1
    assert "already runs with the state directory" in result.stderr
    assert "make run failed: the local system ended with exit code 3" in result.stderr
    assert 'make run OPTIONS="--size 64 --steps 4"' in result.stderr
    assert f"Log files: {state}/logs/" in result.stderr
