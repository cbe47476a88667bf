"""Browser of the console's tests, and a tab for each test that fails at whatever a page must never do."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.browser.console_tab import ConsoleTab, open_tab
from tests.harness.chromium import MISSING, find_chromium, is_required
from tests.harness.local_system import System


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Skip before any fixture starts, or fail where a browser is required."""
    if find_chromium() is None:
        assert not is_required(), MISSING
        pytest.skip(MISSING)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Run Chromium without a window. Its sandbox does not work for root, who runs containers."""
    program = find_chromium()
    arguments = ["--disable-dev-shm-usage", "--disable-gpu"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program, args=arguments, chromium_sandbox=os.geteuid() != 0
        )
        yield started
        started.close()


@pytest.fixture
def tab(browser: Browser, system: System) -> Iterator[ConsoleTab]:
    """Open a tab for the console of the shared system, without a key."""
    with open_tab(browser, system.endpoints["http_url"], key=system.endpoints["api_key"]) as opened:
        yield opened
