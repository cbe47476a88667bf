"""Chromium of this machine, which the tests of the console drive. Playwright downloads no browser."""

import os
import shutil
from pathlib import Path
from typing import Final

#: Names of the program: Debian's, then those of other systems.
PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
#: Environment variable that makes a missing browser a failure. Continuous integration sets it.
REQUIRED_VARIABLE: Final = "DARKROOM_REQUIRE_BROWSER"
MISSING: Final = f"no Chromium was found ({', '.join(PROGRAMS)}); on Debian: apt-get install chromium"


def find_chromium() -> Path | None:
    """Return the program of Chromium, or None."""
    found = (shutil.which(name) for name in PROGRAMS)
    return next((Path(path) for path in found if path), None)


def is_required() -> bool:
    """Return True if a missing browser is a failure."""
    return os.environ.get(REQUIRED_VARIABLE, "") not in {"", "0"}
