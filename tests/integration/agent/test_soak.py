"""The short soak: tasks through the whole local system while everything that may fail does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]


#: Seconds: the local system's start may take 120 of them, and the tasks 80.
TIMEOUT_SECONDS = 220


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_SECONDS + 20)
def test_nothing_is_lost_doubled_or_left_unanswered(tmp_path: Path) -> None:
    options = ("--tasks", "60", "--seconds-between", "1.5", "--failure-rate", "0.02", "--max-seconds", "80", "--json")
    soak = subprocess.run(
        [sys.executable, "benchmarks/soak.py", "--keep", str(tmp_path), *options],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )

    assert soak.returncode == 0, soak.stdout + soak.stderr
    verdict = json.loads(soak.stdout.splitlines()[-1])
    assert verdict["statuses"]["COMPLETED"] + len(verdict["failed_by_disturbances"]) == 60
