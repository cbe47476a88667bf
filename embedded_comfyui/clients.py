"""Websockets of the server: messages about the queue for all clients, and about a prompt for the one that sent it."""

import asyncio
import json
import struct
import uuid
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import WSMsgType, web

FEATURES: Final[Mapping[str, Any]] = {
    "supports_preview_metadata": True,
    "supports_model_type_tags": True,
    "max_upload_size": 104_857_600,
    "extension": {"manager": {"supports_v4": True}},
    "node_replacements": True,
    "assets": False,
}
#: Kinds of binary messages, and the number of the format JPEG in the older kind.
_PREVIEW: Final = 1
_PREVIEW_WITH_METADATA: Final = 4
_JPEG: Final = 1


class ClientConnections:
    """The connected clients by their ids. Messages are sent in the order in which any thread gives them."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._messages: asyncio.Queue[tuple[str | bytes, Any]] = asyncio.Queue()
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._features: dict[str, dict[str, Any]] = {}
        #: Client and node of the running prompt, for a client that connects meanwhile.
        self.executing: tuple[Any, str] | None = None
        self.remaining = 0

    def send(self, event: str, data: Mapping[str, Any], client_id: Any = None) -> None:
        """Send a message to one client, or to all."""
        self._enqueue(json.dumps({"type": event, "data": data}), client_id)

    def send_status(self, remaining: int) -> None:
        """Send the length of the queue to all clients."""
        self.remaining = remaining
        self.send("status", _status(remaining))

    def send_preview(self, jpeg: bytes, metadata: Mapping[str, Any], client_id: Any) -> None:
        """Send a preview, with its metadata to a client that supports them."""
        if self.has_preview_metadata(client_id):
            described = json.dumps({**metadata, "image_type": "image/jpeg"}).encode()
            header = struct.pack(">II", _PREVIEW_WITH_METADATA, len(described)) + described
        else:
            header = struct.pack(">II", _PREVIEW, _JPEG)
        self._enqueue(header + jpeg, client_id)

    def has_preview_metadata(self, client_id: Any) -> bool:
        """Return True if the client has said that it supports metadata of previews."""
        return client_id is not None and bool(self._features.get(client_id, {}).get("supports_preview_metadata"))

    async def publish(self) -> None:
        """Send messages without end. A client id of a type that no dictionary holds ends it, and ComfyUI with it."""
        self._loop = asyncio.get_running_loop()
        while True:
            content, client_id = await self._messages.get()
            if client_id is None:
                sockets = list(self._sockets.values())
            else:
                sockets = [self._sockets[client_id]] if client_id in self._sockets else []
            for socket in sockets:
                try:
                    await (socket.send_bytes(content) if isinstance(content, bytes) else socket.send_str(content))
                except (ConnectionError, RuntimeError):
                    # The client has gone; its handler removes it.
                    continue

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one client until it disconnects."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client_id = request.rel_url.query.get("clientId") or uuid.uuid4().hex
        self._sockets[client_id] = socket
        try:
            await socket.send_json({"type": "status", "data": _status(self.remaining) | {"sid": client_id}})
            if self.executing and self.executing[0] == client_id:
                await socket.send_json({"type": "executing", "data": {"node": self.executing[1]}})
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._receive(client_id, socket, message.data)
        finally:
            if self._sockets.get(client_id) is socket:
                del self._sockets[client_id]
                self._features.pop(client_id, None)
        return socket

    async def _receive(self, client_id: str, socket: web.WebSocketResponse, text: str) -> None:
        try:
            message = json.loads(text)
            if message["type"] != "feature_flags":
                return
            self._features[client_id] = dict(message["data"])
        except (ValueError, KeyError, TypeError):
            return
        await socket.send_json({"type": "feature_flags", "data": FEATURES})

    def _enqueue(self, content: str | bytes, client_id: Any) -> None:
        if self._loop:
            self._loop.call_soon_threadsafe(self._messages.put_nowait, (content, client_id))


def _status(remaining: int) -> dict[str, Any]:
    return {"status": {"exec_info": {"queue_remaining": remaining}}}
