"""One exchange of the streamable HTTP transport: the SDK's ASGI application, run for a single request."""

import asyncio
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

#: Bytes of a request, above the limit of Lambda, which therefore decides.
MAX_REQUEST_BYTES: Final = 8 * 1024 * 1024


@dataclass
class Exchanged:
    """Response of the application: status, headers in small letters, and body."""

    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def exchange(server: Server[Any], body: bytes, headers: Mapping[str, str]) -> Exchanged:
    """Return the response of a server to one POST. It is JSON, because a function cannot send it in parts."""
    return asyncio.run(_exchange(server, body, headers))


async def _exchange(server: Server[Any], body: bytes, headers: Mapping[str, str]) -> Exchanged:
    response = Exchanged()
    unread = [body]

    async def receive() -> dict[str, Any]:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        # The sender of a request to a function cannot be seen to leave.
        return await asyncio.Future()

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            response.status = message["status"]
            response.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            response.body += message.get("body", b"")

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/mcp",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    manager = StreamableHTTPSessionManager(
        server, json_response=True, stateless=True, max_request_body_size=MAX_REQUEST_BYTES
    )
    async with manager.run():
        await manager.handle_request(scope, receive, send)
    return response
