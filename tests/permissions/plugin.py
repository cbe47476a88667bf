"""Fails a run of all tests if the roles allow anything else than what the code was seen to call.

It takes the whole suite to know what a component never calls, so a run of some tests compares nothing.
"""

import tempfile
from pathlib import Path

import pytest

from tests.permissions.comparison import differences, recorded_calls
from tests.permissions.recorder import record_calls, record_calls_of_children

FOLDER = pytest.StashKey[Path]()
FOUND = pytest.StashKey[list[str]]()


def is_whole_run(config: pytest.Config) -> bool:
    """Tell whether this process is the one that has all tests run."""
    chosen = config.args_source is not pytest.Config.ArgsSource.TESTPATHS or any(
        config.getoption(option, default=None) for option in ("keyword", "markexpr", "deselect", "collectonly")
    )
    return not chosen and not hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    if is_whole_run(config):
        folder = Path(tempfile.mkdtemp(prefix="darkroom-calls-"))
        config.stash[FOLDER] = folder
        # The processes of pytest-xdist are children, too.
        record_calls_of_children(folder)
        record_calls(str(folder))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    folder = session.config.stash.get(FOLDER, None)
    if folder and exitstatus == pytest.ExitCode.OK:
        from tests.permissions.grants import granted_actions  # noqa: PLC0415  # starts Node, which most runs need not

        found = list(differences(granted_actions(), recorded_calls(folder)))
        session.config.stash[FOUND] = found
        if found:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if found := config.stash.get(FOUND, []):
        terminalreporter.section("roles and calls differ", red=True)
        for line in found:
            terminalreporter.line(line)
