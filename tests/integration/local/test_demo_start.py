"""Start of `make run`: its system cannot start, or a signal ends it before it has."""

import signal
import subprocess
import sys
from pathlib import Path

from local.state_directory import StateDirectory
from tests.harness.local_system import PROJECT


def demo_command(directory: Path) -> list[str]:
    command = [sys.executable, "-m", "local.demo"]
    return [*command, "--out", str(directory / "out"), "--state-dir", str(directory / "state")]


def test_a_second_signal_waits_for_the_stop() -> None:
    # `timeout` signals a process, and then the group of all processes.
    program = "import os, signal; from local.demo import __main__ as demo\n"
    program += "signal.signal(signal.SIGTERM, demo._exit)\n"
    program += "try: os.kill(os.getpid(), signal.SIGTERM)\n"
    program += "finally: os.kill(os.getpid(), signal.SIGTERM); print('stopped')\n"
    result = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (128 + signal.SIGTERM, "stopped\n"), result.stderr


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
