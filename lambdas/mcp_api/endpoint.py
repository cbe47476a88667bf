"""Endpoint of the protocol: checks the origin of a request, and lets the SDK's server answer for its caller."""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any, Final

import httpx2
from aws_lambda_powertools.event_handler import Response
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from lambdas.http.cross_origin import OriginRefused
from lambdas.http.responses import HeadersRefused
from lambdas.mcp_api.server import server_for
from lambdas.mcp_api.tools import AssistantTools, ToolCall
from lambdas.tasks.waiting_function import WaitingFunction

#: Bytes of a request, above the limit of Lambda, which therefore decides.
MAX_REQUEST_BYTES: Final = 8 * 1024 * 1024
_JSON: Final = "application/json"


def answer_post(function: WaitingFunction, body: str | bytes, headers: Mapping[str, str]) -> Response[str]:
    """Answer the present POST request of a function; raises OriginRefused and HeadersRefused."""
    if not function.application.policy.allows(headers):
        # A page that a browser was led to must not reach the endpoint by the name of another host.
        raise OriginRefused(
            "pages of this origin may not call /mcp; `cors` of the environment file names those that may"
        )
    tools = AssistantTools(tasks=function.tasks, new_id=lambda: uuid.uuid4().hex)
    call = ToolCall(function.application.caller(), function.seconds_left())
    content = body if isinstance(body, bytes) else body.encode(errors="surrogatepass")
    made = asyncio.run(_exchange(server_for(tools, call), content, headers))
    content_type = made.headers.pop("content-type", "")
    if made.is_error and not content_type.startswith(_JSON):
        # The SDK refuses a request by its headers without JSON, or without any words.
        raise HeadersRefused(f"send the headers `Content-Type: {_JSON}` and `Accept: {_JSON}, text/event-stream`")
    return Response(
        status_code=made.status_code,
        content_type=content_type or _JSON,
        body=made.content.decode(),
        headers={name: value for name, value in made.headers.items() if name != "content-length"},
    )


async def _exchange(server: Server[Any], body: bytes, headers: Mapping[str, str]) -> httpx2.Response:
    """Return the response of a server to one POST. It is JSON, because a function cannot send it in parts."""
    manager = StreamableHTTPSessionManager(
        server, json_response=True, stateless=True, max_request_body_size=MAX_REQUEST_BYTES
    )
    # Headers as bytes, because those of a sender need not be ASCII.
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    request = httpx2.Request("POST", "https://darkroom/mcp", headers=sent, content=body)
    async with manager.run():
        response = await httpx2.ASGITransport(manager.handle_request).handle_async_request(request)
        await response.aread()
    return response
