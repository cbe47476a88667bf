"""Pytest plugin of `make test-durations`: processor time of each kind of test and of the slowest, as tables."""

import os
from collections import defaultdict
from pathlib import PurePath

import pytest

SLOWEST = 10
_PROPERTY = "processor_seconds"

_started: dict[str, float] = {}
_seconds: dict[str, float] = {}


def _processor_seconds() -> float:
    """Return the user and system time of this process and of its ended children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logstart(nodeid: str) -> None:
    _started[nodeid] = _processor_seconds()


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Attach the time when the test is torn down, so that a worker's report carries it to the main process."""
    if call.when == "teardown":
        seconds = _processor_seconds() - _started.get(item.nodeid, _processor_seconds())
        item.user_properties.append((_PROPERTY, seconds))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for name, value in report.user_properties:
        if name == _PROPERTY and isinstance(value, float):
            _seconds[report.nodeid] = value


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    kinds: dict[str, list[float]] = defaultdict(list)
    for nodeid, seconds in _seconds.items():
        kinds["/".join(PurePath(nodeid.split("::")[0]).parts[:2])].append(seconds)
    terminalreporter.write_line("\n| kind | tests | processor seconds |\n|---|---|---|")
    for kind, values in sorted(kinds.items(), key=lambda entry: -sum(entry[1])):
        terminalreporter.write_line(f"| `{kind}` | {len(values)} | {sum(values):.0f} |")
    terminalreporter.write_line(f"\n| the {SLOWEST} slowest | processor seconds |\n|---|---|")
    for nodeid, seconds in sorted(_seconds.items(), key=lambda entry: -entry[1])[:SLOWEST]:
        terminalreporter.write_line(f"| `{nodeid.partition('@')[0]}` | {seconds:.1f} |")
