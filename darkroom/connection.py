"""Connection of a client: the address and key of an API, and what both clients share on top of them."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from darkroom.api_calls import ApiCalls
from darkroom.errors import NotConfigured, UnusableInput
from darkroom.http_exchange import Transport, UrllibTransport
from darkroom.json_api import JsonApi
from darkroom.local_system import STATE_DIRECTORY, read_local_endpoints, stale_endpoints

#: Seconds of silence in one call: API Gateway itself answers within 29.
TIMEOUT_SECONDS: Final = 35.0
#: Longest time limit of a call, because sockets refuse one of many years.
LONGEST_TIMEOUT_SECONDS: Final = 86_400.0
_EXAMPLE: Final = "https://pictures.example/api"
#: Repetitions of a request that may succeed soon.
RETRIES: Final = 3


class Connection:
    """Base of both clients.

    Args:
        url: Address of the HTTP API; by default the variable `DARKROOM_URL`.
        key: Key of the HTTP API; by default the variable `DARKROOM_API_KEY`.
        timeout_seconds: Time that a request waits for its connection, and for each next byte of its answer.
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
        if retries < 0:
            raise UnusableInput(f"`retries` is {retries}; give 0 or more")
        if not 0 < timeout_seconds <= LONGEST_TIMEOUT_SECONDS:
            limit = f"at most {LONGEST_TIMEOUT_SECONDS:.0f}"
            raise UnusableInput(f"`timeout_seconds` is {timeout_seconds}; give more than 0 and {limit}, for example 35")
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
        raise NotConfigured(f"`url` is required, or the variable DARKROOM_URL, for example {_EXAMPLE}")
    if problem := address_problem(address):
        raise NotConfigured(f"`url` {problem}")
    if not api_key:
        raise NotConfigured("`key` is required, or the variable DARKROOM_API_KEY; ask the operator of the API for one")
    if not (api_key.isascii() and api_key.isprintable()):
        raise NotConfigured("`key` has a character that no key has, such as a line break; write the key alone")
    return address, api_key


def address_problem(address: str) -> str:
    """Return what is wrong with the address of an API; an empty text if nothing is."""
    try:
        parts = urlsplit(address)
        # Reading the port checks it, and a socket encodes the host in this way.
        has_host = parts.port != 0 and bool((parts.hostname or "").encode("idna"))
    except ValueError:
        parts, has_host = urlsplit(""), False
    if "@" in parts.netloc:
        # Errors and logs show the address, and the password would be in them.
        return f"names a user; write the address without one, such as {_EXAMPLE}"
    is_path = parts.path.isascii() and parts.path.isprintable() and " " not in parts.netloc + parts.path
    if parts.scheme in {"http", "https"} and has_host and is_path and not parts.query and not parts.fragment:
        return ""
    return f"is {address!r}; write an address such as {_EXAMPLE}"
