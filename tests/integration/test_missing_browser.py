"""Tests of the console on a machine without a browser, in a run of pytest that finds no programs."""

import os
import subprocess
import sys

import pytest

from tests.conventions.language import PROJECT
from tests.harness.chromium import MISSING, REQUIRED_VARIABLE

pytestmark = pytest.mark.slow


def run_browser_tests(required: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "tests/e2e/browser"]
    environment = os.environ | {"PATH": "", REQUIRED_VARIABLE: required}
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)


def test_they_are_skipped_by_name() -> None:
    run = run_browser_tests("")
    assert run.returncode == 0, run.stdout
    assert MISSING in run.stdout
    assert "\n  tests/e2e/browser/test_" in run.stdout


def test_they_fail_where_a_browser_is_required() -> None:
    run = run_browser_tests("1")
    assert run.returncode == pytest.ExitCode.TESTS_FAILED, run.stdout
    assert f"AssertionError: {MISSING}" in run.stdout
