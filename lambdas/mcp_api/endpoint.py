"""Endpoint of the protocol in one process: checks the origin of a request, and lets a server of its caller answer."""

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from aws_lambda_powertools.event_handler import Response

from lambdas.http.cross_origin import OriginRefused
from lambdas.http.responses import HeadersRefused
from lambdas.mcp_api.exchange import exchange
from lambdas.mcp_api.server import server_for
from lambdas.mcp_api.tools import AssistantTools, ToolCall
from lambdas.tasks.waiting_function import WaitingFunction

_JSON: Final = "application/json"


class McpEndpoint:
    """Answers the POST requests of one function."""

    def __init__(self, *, function: WaitingFunction) -> None:
        self._function = function
        self._tools = AssistantTools(tasks=function.tasks, new_id=lambda: uuid.uuid4().hex)

    def answer(self, body: str | bytes, headers: Mapping[str, str]) -> Response[str]:
        """Answer the present request; raises OriginRefused and HeadersRefused."""
        if not self._function.application.policy.allows(headers):
            # A page that a browser was led to must not reach the endpoint by the name of another host.
            raise OriginRefused(
                "pages of this origin may not call /mcp; `cors` of the environment file names those that may"
            )
        call = ToolCall(self._function.application.caller(), self._function.seconds_left())
        content = body if isinstance(body, bytes) else body.encode(errors="surrogatepass")
        made = exchange(server_for(self._tools, call), content, headers)
        content_type = made.headers.pop("content-type", "")
        if made.status >= HTTPStatus.BAD_REQUEST and not content_type.startswith("application/json"):
            # The SDK refuses a request by its headers without JSON, or without any words.
            raise HeadersRefused(f"send the headers `Content-Type: {_JSON}` and `Accept: {_JSON}, text/event-stream`")
        return Response(
            status_code=made.status,
            content_type=content_type or _JSON,
            body=made.body.decode(),
            headers={name: value for name, value in made.headers.items() if name != "content-length"},
        )
