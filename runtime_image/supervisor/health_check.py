"""Health check of a container without HTTP probes: `python -m runtime_image.supervisor.health_check`.

It imports the standard library only, because it runs every 15 seconds for the container's whole life.
"""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Final

#: Seconds; Docker's own limit in the Dockerfile is one more.
_TIMEOUT_SECONDS: Final = 4.0


def main(environment: Mapping[str, str]) -> int:
    """Return 0 if the supervisor is alive, else 1."""
    port = environment.get("HEALTH_PORT") or "8080"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=_TIMEOUT_SECONDS):
            return 0
    except (OSError, ValueError) as error:
        sys.stderr.write(f"/healthz: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(os.environ))
