"""`make run` when its system cannot start: one message with the reason, the command to repeat, and the log files."""

import subprocess
import sys
from pathlib import Path

from local.state_directory import StateDirectory
from tests.harness.local_system import PROJECT


def test_a_failure_says_what_to_do(tmp_path: Path) -> None:
    state = tmp_path / "state"
    command = [sys.executable, "-m", "local.demo", "--out", str(tmp_path / "out"), "--state-dir", str(state)]
    with StateDirectory(state).lock():
        result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 1
    assert "already runs with the state directory" in result.stderr
    assert "make run failed: the local system ended with exit code 3" in result.stderr
    assert 'make run OPTIONS="--size 64 --steps 4"' in result.stderr
    assert f"Log files: {state}/logs/" in result.stderr
