"""Chromium without a window, which Playwright drives."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, Playwright

from tests.harness.chromium import MISSING, find_chromium

_ARGUMENTS: Final = ("--disable-dev-shm-usage", "--disable-gpu")


@contextmanager
def started_chromium(playwright: Playwright) -> Iterator[Browser]:
    """Run Chromium. Its sandbox does not work for root, who runs containers."""
    program = find_chromium()
    assert program, MISSING
    browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS, chromium_sandbox=os.geteuid() != 0)
    try:
        yield browser
    finally:
        browser.close()
