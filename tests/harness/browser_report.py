"""Report of the tests that need a browser, at the end of a run on a machine without one."""

import pytest

from tests.harness.chromium import MISSING, find_chromium


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if find_chromium():
        return
    skipped = [report.nodeid for report in terminalreporter.getreports("skipped") if "/browser/" in report.nodeid]
    terminalreporter.section("tests of the console in a browser")
    terminalreporter.line(f"They are skipped, because {MISSING}.")
    for name in skipped:
        terminalreporter.line(f"  {name}")
