"""Short calls whose answers the agent itself needs: the Web UI's lists and options, and the order to look again."""

import json
from typing import Any

from runtime_image.webui.client import LOOK_TIMEOUT_SECONDS, WebUiClient
from runtime_image.webui.error_mapping import refusal
from runtime_image.webui.errors import WebUiFailed


class NoSuchCall(WebUiFailed):
    """Raised when this build of the Web UI does not have the call."""


def ask(
    client: WebUiClient,
    method: str,
    path: str,
    body: bytes | None = None,
    *,
    timeout_seconds: float = LOOK_TIMEOUT_SECONDS,
) -> Any:
    """Return the JSON value of an answer.

    Raises:
        NoSuchCall: if there is no such call.
        WebUiFailed: on any other answer than 2xx with JSON: what the agent asks is never a task's fault.
    """
    answer = client.call(method, path, body, timeout_seconds=timeout_seconds)
    if answer.status == 404:  # noqa: PLR2004 - HTTP's own number
        raise NoSuchCall(f"the Web UI does not have {method} {path}")
    if answer.status >= 300:  # noqa: PLR2004 - HTTP's own classes
        error = refusal(answer)
        raise error if error.retryable else WebUiFailed(error.message)
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise WebUiFailed(f"the Web UI's answer to {path} is not JSON") from error
