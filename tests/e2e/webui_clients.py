"""Clients of the Web UI's API of a local system."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx
import webuiapi

from tests.harness.local_system import System

#: Any name: the password is the key.
_USERNAME: Final = "anybody"
#: Seconds for one call; API Gateway gives up earlier.
TIMEOUT_SECONDS: Final = 35


def webui_client(system: System, runtime: str = "", *, address: str = "") -> webuiapi.WebUIApi:
    """Return the client `webuiapi` of a runtime, or of the first one."""
    path = f"/runtimes/{runtime}" if runtime else ""
    return webuiapi.WebUIApi(
        baseurl=f"{(address or system.endpoints['http_url']).rstrip('/')}{path}/sdapi/v1",
        username=_USERNAME,
        password=system.endpoints["api_key"],
        steps=3,
    )


@contextmanager
def http_client(system: System) -> Iterator[httpx.Client]:
    """Yield a client without knowledge of the API; its paths start after `/sdapi/v1`."""
    url = f"{system.endpoints['http_url'].rstrip('/')}/sdapi/v1"
    auth = (_USERNAME, system.endpoints["api_key"])
    with httpx.Client(base_url=url, auth=auth, timeout=TIMEOUT_SECONDS) as client:
        yield client
