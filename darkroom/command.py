"""Entry of the program `darkroom`: the command line, whose packages only this process finds."""

import sys
from pathlib import Path
from typing import Final

#: Folder of the command line in an installed wheel. In a checkout its packages are on the path already.
_PROGRAMS: Final = Path(__file__).parent / "_programs"


def main() -> None:
    """Run the command line; name the packages to install if one is missing."""
    sys.path.insert(0, str(_PROGRAMS))
    try:
        from cli.main import main as run
    except ModuleNotFoundError as error:
        sys.exit(f"darkroom: {error.name} is missing; install the command line with: pip install 'darkroom[cli]'")
    run()
