"""HTTP client of the SD Web UI."""

import json
from collections.abc import Callable
from typing import Any, Final

from runtime_image.process.engine_http import EngineHttp, EngineResponse
from runtime_image.webui.error_mapping import refusal
from runtime_image.webui.errors import NoSuchCall, WebUiFailed, WebUiNotReached, WebUiUnreachable

#: Seconds for calls that only read: the Web UI answers in milliseconds unless it is in trouble.
READ_TIMEOUT_SECONDS: Final = 10.0


class RequestGate:
    """Guard of a Web UI that starts: a request that comes too early would end it.

    This one lets every request pass, for a caller that knows by other means that the Web UI has started.
    """

    def __init__(self) -> None:
        #: Called when another process of the Web UI is found.
        self.on_restart: Callable[[], None] = lambda: None

    def check(self) -> None:
        """Raise WebUiNotReached unless requests may be sent."""

    def disconnected(self) -> None:
        """Record that a connection failed or broke, as it does when the Web UI ends."""


class WebUiClient(EngineHttp):
    """Calls the Web UI, each time over a new connection."""

    name = "the Web UI"
    failed, unreachable, not_reached = WebUiFailed, WebUiUnreachable, WebUiNotReached
    #: 64 pictures of 2048² as PNG in base64 stay below it.
    max_bytes = 1024 * 1024 * 1024

    def __init__(self, *, base_url: str, gate: RequestGate | None = None) -> None:
        super().__init__(base_url=base_url)
        self.gate = gate or RequestGate()

    def call(
        self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float = READ_TIMEOUT_SECONDS
    ) -> EngineResponse:
        """Return the answer to one request as `exchange` does, or raise WebUiNotReached while the gate is closed."""
        self.gate.check()
        try:
            return self.exchange(method, path, body, timeout_seconds=timeout_seconds)
        except WebUiUnreachable:
            self.gate.disconnected()
            raise

    def ask(
        self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float = READ_TIMEOUT_SECONDS
    ) -> Any:
        """Return the JSON value of a response that the agent itself needs, such as a list or the options.

        Raises:
            NoSuchCall: if this build does not have the call.
            WebUiFailed: on any other response than 2xx with JSON, because such a call is never a task's fault.
        """
        response = self.call(method, path, body, timeout_seconds=timeout_seconds)
        if response.status == 404:  # noqa: PLR2004 - HTTP's own number
            raise NoSuchCall(f"the Web UI does not have {method} {path}")
        if response.status >= 300:  # noqa: PLR2004 - HTTP's own classes
            error = refusal(response)
            raise error if isinstance(error, WebUiFailed) else WebUiFailed(error.message)
        try:
            return json.loads(response.body)
        except (ValueError, RecursionError) as error:
            raise WebUiFailed(f"the Web UI's answer to {path} is not JSON") from error
