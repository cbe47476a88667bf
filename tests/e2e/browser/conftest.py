"""Browser of the console's tests, and a tab for each test that fails at whatever a page must never do."""

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, sync_playwright

from contract.cold_start import log_metrics_namespace
from tests.e2e.browser.chromium import started_chromium
from tests.e2e.browser.console_tab import ConsoleTab, open_tab
from tests.harness.chromium import MISSING, find_chromium, is_required
from tests.harness.local_system import System, running_system

#: Metrics of the parts of a cold start of the idle system.
COLD_START_SECONDS: Final = {"NodeSeconds": 95.0, "PullSeconds": 60.0, "ModelSeconds": 42.0, "ReadySeconds": 12.0}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Skip before any fixture starts, or fail where a browser is required."""
    if find_chromium() is None:
        assert not is_required(), MISSING
        pytest.skip(MISSING)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Run one Chromium for all tests of the folder."""
    with sync_playwright() as playwright, started_chromium(playwright) as started:
        yield started


@pytest.fixture(scope="package")
def idle_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Run a system without replicas, which had a cold start: tasks wait, and no function informs subscribers."""
    with running_system(tmp_path_factory.mktemp("idle"), "--agents", "0") as started:
        table = started.endpoints["task_table"]
        started.client("dynamodb").update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
        measured = [{"MetricName": name, "Value": seconds} for name, seconds in COLD_START_SECONDS.items()]
        started.client("cloudwatch").put_metric_data(Namespace=log_metrics_namespace("local"), MetricData=measured)
        yield started


@pytest.fixture
def idle_tab(browser: Browser, idle_system: System) -> Iterator[ConsoleTab]:
    """Open a tab for the console of the idle system, without a key."""
    with open_tab(browser, idle_system.endpoints["http_url"], key=idle_system.endpoints["api_key"]) as opened:
        yield opened


@pytest.fixture
def tab(browser: Browser, system: System) -> Iterator[ConsoleTab]:
    """Open a tab for the console of the shared system, without a key."""
    with open_tab(browser, system.endpoints["http_url"], key=system.endpoints["api_key"]) as opened:
        yield opened
