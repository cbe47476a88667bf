"""Connection of a client: the address and key of an API, and what both clients share on top of them."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from darkroom.api_calls import ApiCalls
from darkroom.errors import NotConfigured
from darkroom.http_exchange import Transport, UrllibTransport
from darkroom.json_api import JsonApi
from darkroom.local_system import STATE_DIRECTORY, read_local_endpoints, stale_endpoints

#: Seconds for one call: API Gateway itself answers within 29.
TIMEOUT_SECONDS: Final = 35.0
#: Repetitions of a request that may succeed soon.
RETRIES: Final = 3


class Connection:
    """Base of both clients.

    Args:
        url: Address of the HTTP API; by default the variable `DARKROOM_URL`.
        key: Key of the HTTP API; by default the variable `DARKROOM_API_KEY`.
        timeout_seconds: Time for one request.
        retries: Repetitions of a request after a lost answer, 429, 502, 503 and 504.
        transport: Sends the requests, in place of the standard library.
        clock: Seconds that pass while a client waits.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        retries: int = RETRIES,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        address, api_key = _given(url, key, os.environ)
        self.url = address
        self._calls = ApiCalls(api=JsonApi(url=address, key=api_key, retries=retries), clock=clock)
        self._transport = transport or UrllibTransport(timeout_seconds=timeout_seconds)

    @classmethod
    def local(cls, state_directory: Path | str = STATE_DIRECTORY) -> Self:
        """Return a client of the local system that runs with this state directory."""
        folder = Path(state_directory)
        endpoints = read_local_endpoints(folder)
        try:
            return cls(endpoints["http_url"], endpoints["api_key"])
        except KeyError as error:
            raise stale_endpoints(folder / "endpoints.json", f"has no {error}") from None


def _given(url: str | None, key: str | None, environment: Mapping[str, str]) -> tuple[str, str]:
    address = (url or environment.get("DARKROOM_URL", "")).strip()
    api_key = (key or environment.get("DARKROOM_API_KEY", "")).strip()
    if not address:
        raise NotConfigured("`url` is required, or the variable DARKROOM_URL, for example https://pictures.example/api")
    if urlsplit(address).scheme not in {"http", "https"} or not urlsplit(address).netloc:
        raise NotConfigured(f"`url` is {address!r}; write an address such as https://pictures.example/api")
    if not api_key:
        raise NotConfigured("`key` is required, or the variable DARKROOM_API_KEY; ask the operator of the API for one")
    if not (api_key.isascii() and api_key.isprintable()):
        raise NotConfigured("`key` has a character that no key has, such as a line break; write the key alone")
    return address, api_key
