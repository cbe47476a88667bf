"""`endpoints.json`, in which a running local system names its addresses and its key."""

import json
from pathlib import Path
from typing import Any, Final

from darkroom.errors import NotConfigured

#: State directory of `make up`.
STATE_DIRECTORY: Final = Path(".local")


def read_local_endpoints(state_directory: Path) -> dict[str, Any]:
    """Return the endpoints of the local system that runs with this state directory."""
    path = state_directory / "endpoints.json"
    try:
        endpoints = json.loads(path.read_text())
    except FileNotFoundError:
        raise NotConfigured(f"no local system is running here ({path} is missing); start one with: make up") from None
    except (OSError, ValueError) as error:
        raise stale_endpoints(path, f"cannot be read ({error})") from None
    if not isinstance(endpoints, dict):
        raise stale_endpoints(path, "cannot be read (it is not a JSON object)")
    return endpoints


def stale_endpoints(path: Path, problem: str) -> NotConfigured:
    """Return the error of a file that no running system of this version has written."""
    return NotConfigured(f"{path} {problem}; stop the local system and start it again")
