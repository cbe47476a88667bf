"""Check of the roles against the recorded calls; a run of all tests fails if they differ.

Only the whole suite shows which calls a component never makes, so a run of some tests compares nothing.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.permissions.comparison import differences, recorded_calls
from tests.permissions.recorder import record_calls, record_calls_of_children

PROJECT = Path(__file__).parents[2]
FOLDER = pytest.StashKey[Path]()
GRANTS = pytest.StashKey[subprocess.Popen[bytes]]()
#: Marker expression of `make test-all`.
EVERY_TEST = "slow or not slow"
FOUND = pytest.StashKey[list[str]]()


def is_whole_run(config: pytest.Config) -> bool:
    """Return True if this process runs all tests, slow ones included."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS or hasattr(config, "workerinput"):
        return False
    if any(config.getoption(option, default=None) for option in ("keyword", "deselect", "collectonly")):
        return False
    return config.getoption("markexpr", default="") in {"", EVERY_TEST}


def pytest_configure(config: pytest.Config) -> None:
    if is_whole_run(config):
        # It runs in parallel to the tests, because it costs seconds.
        command = [sys.executable, "-m", "tests.permissions.grants"]
        config.stash[GRANTS] = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE)
        folder = Path(tempfile.mkdtemp(prefix="darkroom-calls-"))
        config.stash[FOLDER] = folder
        # The processes of pytest-xdist are children, too.
        record_calls_of_children(folder)
        record_calls(str(folder))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    folder = session.config.stash.get(FOLDER, None)
    if folder is None:
        return
    with session.config.stash[GRANTS] as grants:
        if exitstatus != pytest.ExitCode.OK:
            grants.kill()
            return
        output, _ = grants.communicate()
    granted = {component: set(actions) for component, actions in json.loads(output).items()}
    found = list(differences(granted, recorded_calls(folder)))
    session.config.stash[FOUND] = found
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if found := config.stash.get(FOUND, []):
        terminalreporter.section("roles and calls differ", red=True)
        for line in found:
            terminalreporter.line(line)
