"""Files that a browser loads to show the console: few, and of few bytes."""

import gzip
from typing import Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.e2e.browser.console_tab import ConsoleTab

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_system")]

#: Bytes of page and code, compressed as API Gateway compresses them.
MAX_BYTES: Final = 150_000


def test_a_cold_console_is_small(tab: ConsoleTab) -> None:
    # The key sees no fleet.
    tab.expected_errors.append("error: Failed to load resource: the server responded with a status of 403")
    tab.sign_in()
    for screen in ("Watch", "Look", "Fleet", "Create"):
        tab.page.get_by_role("navigation").get_by_role("link", name=screen).click()
        expect(tab.page.get_by_role("heading", level=1, name=screen)).to_be_attached()
    files = [response for response in tab.responses if "/console/" in response.url]
    names = [urlsplit(response.url).path.rpartition("/")[2] for response in files]
    # A browser without a window loads no icon.
    assert sorted(name for name in names if name != "icon.svg") == ["", "console.css", "console.js"]
    sizes = {response.url: len(gzip.compress(response.body())) for response in files}
    assert sum(sizes.values()) <= MAX_BYTES, sizes
