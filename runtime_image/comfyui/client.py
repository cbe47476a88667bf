"""HTTP client of ComfyUI: prompts, their history, and the queue."""

import json
from collections.abc import Mapping
from typing import Any, Final

from runtime_image.comfyui.errors import ComfyUiFailed, ComfyUiNotReached, ComfyUiUnreachable
from runtime_image.process.engine_http import EngineHttp, EngineResponse

#: Seconds for a response. ComfyUI collects garbage between two prompts, and answers nothing meanwhile.
RESPONSE_SECONDS: Final = 30.0
_OK: Final = 200


class ComfyUiClient(EngineHttp):
    """Calls ComfyUI, each time over a new connection."""

    name = "ComfyUI"
    failed, unreachable, not_reached = ComfyUiFailed, ComfyUiUnreachable, ComfyUiNotReached
    #: An entry of the history repeats the graph, and lists every output.
    max_bytes = 64 * 1024 * 1024

    def submit(self, prompt: Mapping[str, Any]) -> EngineResponse:
        """Send a prompt and return the response, whatever its status.

        Raises:
            ComfyUiNotReached: if it was not sent.
            ComfyUiUnreachable: if no whole response came, so that the prompt may be in the queue.
        """
        return self._call("POST", "/prompt", prompt)

    def history(self, prompt_id: str) -> dict[str, Any] | None:
        """Return the entry of a prompt that has ended, None for any other; raises ComfyUiFailed."""
        entry = self._ask("GET", f"/history/{prompt_id}").get(prompt_id)
        return entry if isinstance(entry, dict) else None

    def forget(self, prompt_id: str) -> None:
        """Remove the entry of a prompt from the history; raises ComfyUiFailed."""
        self._call("POST", "/history", {"delete": [prompt_id]})

    def queue(self) -> tuple[list[str], list[str]]:
        """Return the ids of the prompts that run and of those that wait; raises ComfyUiFailed."""
        found = self._ask("GET", "/queue")
        running, waiting = (
            [str(entry[1]) for entry in found.get(f"queue_{name}", [])] for name in ("running", "pending")
        )
        return running, waiting

    def cancel(self, prompt_id: str) -> None:
        """Cancel a prompt that runs or waits; without effect on any other. Raises ComfyUiFailed."""
        self._ask("POST", f"/api/jobs/{prompt_id}/cancel", {})

    def drop_results(self) -> None:
        """Empty the cache of results before the next prompt; raises ComfyUiFailed."""
        self._call("POST", "/free", {"free_memory": True})

    def check_ready(self, *, timeout_seconds: float = RESPONSE_SECONDS) -> None:
        """Raise ComfyUiFailed unless ComfyUI accepts prompts."""
        self._ask("GET", "/system_stats", timeout_seconds=timeout_seconds)

    def node_classes(self) -> frozenset[str]:
        """Return the names of the classes of nodes that it has; raises ComfyUiFailed."""
        return frozenset(self._ask("GET", "/object_info"))

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        timeout_seconds: float = RESPONSE_SECONDS,
    ) -> dict[str, Any]:
        status, content = self._call(method, path, body, timeout_seconds)
        if status != _OK:
            raise ComfyUiFailed(f"ComfyUI answered {status} to {method} {path}")
        try:
            value = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ComfyUiFailed(f"ComfyUI's answer to {method} {path} is not JSON") from error
        if not isinstance(value, dict):
            raise ComfyUiFailed(f"ComfyUI's answer to {method} {path} is not an object")
        return value

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None, timeout_seconds: float = RESPONSE_SECONDS
    ) -> EngineResponse:
        content = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        return self.exchange(method, path, content, timeout_seconds=timeout_seconds)
