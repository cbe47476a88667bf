"""Page that describes the API, in a real browser, which enforces the page's Content-Security-Policy."""

import pytest
from playwright.sync_api import expect

from tests.e2e.browser.console_tab import ConsoleTab

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_system")]


def test_the_page_runs_its_script_and_breaks_no_policy(tab: ConsoleTab) -> None:
    tab.page.goto(f"{tab.address}/docs")
    expect(tab.page.get_by_text("/v1alpha2/tasks/{id}").first).to_be_visible()
