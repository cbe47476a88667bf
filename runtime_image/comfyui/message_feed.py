"""Feed of ComfyUI's messages: one websocket for all prompts, opened again when it breaks.

The messages are hints, because ComfyUI sends none twice. The truth is in its history and its queue.
"""

import json
import struct
import threading
from typing import Any, Final
from uuid import uuid4

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from runtime_image.comfyui.prompt import Prompt
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog

#: Seconds between two attempts to connect.
PAUSE_SECONDS: Final = 0.5
#: Seconds for a connection. ComfyUI answers nothing while it collects garbage.
OPEN_SECONDS: Final = 30.0
#: Bytes of a message: a preview, or the output of a node.
MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
#: Makes ComfyUI name the prompt of each preview.
_FEATURES: Final = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
#: Kinds of binary messages: a preview without a name, and one with its prompt.
_PREVIEW, _NAMED_PREVIEW = 1, 4
_NUMBER: Final = struct.Struct(">I")


class MessageFeed:
    """`run` receives in a separate thread; the other methods are called from any thread."""

    def __init__(self, *, base_url: str, clock: Clock, log: EventLog) -> None:
        #: ComfyUI sends a prompt's messages to the client that has sent it. It must be a text.
        self.client_id = uuid4().hex
        self._url = f"{base_url.replace('http', 'ws', 1)}/ws?clientId={self.client_id}"
        self._clock = clock
        self._log = log
        self._lock = threading.Lock()
        self._prompts: dict[str, Prompt] = {}

    def add(self, prompt: Prompt) -> None:
        """Receive the messages of a prompt from now on."""
        with self._lock:
            self._prompts[prompt.prompt_id] = prompt

    def remove(self, prompt: Prompt) -> None:
        """Ignore its messages."""
        with self._lock:
            self._prompts.pop(prompt.prompt_id, None)

    def prompts(self) -> list[Prompt]:
        """Return the prompts whose messages are received, the oldest first."""
        with self._lock:
            return list(self._prompts.values())

    def running(self) -> Prompt | None:
        """Return the prompt that ComfyUI works on, as far as its messages show."""
        return next((prompt for prompt in self.prompts() if prompt.is_running), None)

    def run(self) -> None:
        """Receive for ever."""
        while True:
            try:
                with connect(
                    self._url,
                    open_timeout=OPEN_SECONDS,
                    # The same machine: no proxy, no compression, and a dead process closes the connection.
                    proxy=None,
                    compression=None,
                    ping_interval=None,
                    max_size=MAX_MESSAGE_BYTES,
                ) as connection:
                    self._receive(connection)
            except (OSError, WebSocketException) as error:
                self._log.debug("comfyui_feed_broken", reason=str(error))
            self._ask_again()
            self._clock.sleep(PAUSE_SECONDS)

    def _receive(self, connection: ClientConnection) -> None:
        connection.send(_FEATURES)
        # What came before is lost.
        self._ask_again()
        for message in connection:
            self.receive(message)

    def receive(self, message: str | bytes) -> None:
        """Handle one message; those that are not understood are skipped."""
        try:
            if isinstance(message, bytes):
                self._receive_preview(message)
            else:
                self._receive_event(json.loads(message))
        except Exception as error:  # noqa: BLE001 - custom nodes write messages, and none may end this thread
            self._log.debug("comfyui_message_skipped", reason=f"{type(error).__name__}: {error}")

    def _receive_event(self, message: dict[str, Any]) -> None:
        data = message.get("data") or {}
        if prompt := self._find(data.get("prompt_id")):
            prompt.receive(str(message.get("type")), data)

    def _receive_preview(self, message: bytes) -> None:
        (kind,) = _NUMBER.unpack_from(message)
        prompt: Prompt | None = None
        start = 2 * _NUMBER.size
        if kind == _NAMED_PREVIEW:
            (length,) = _NUMBER.unpack_from(message, _NUMBER.size)
            prompt = self._find(json.loads(message[start : start + length]).get("prompt_id"))
            start += length
        elif kind == _PREVIEW:
            prompt = self.running()
        if prompt is not None:
            prompt.preview = message[start:]

    def _find(self, prompt_id: object) -> Prompt | None:
        with self._lock:
            return self._prompts.get(prompt_id) if isinstance(prompt_id, str) else None

    def _ask_again(self) -> None:
        for prompt in self.prompts():
            prompt.news.set()
