"""Looks after a Web UI that is ready and has nothing to do: while it works, the agent sees whether it stands still."""

from typing import Final

from runtime_image.process.clock import Clock
from runtime_image.supervisor.child import Child
from runtime_image.supervisor.condition import Condition
from runtime_image.supervisor.events import WebUiHangs
from runtime_image.webui.client import LOOK_TIMEOUT_SECONDS, WebUiClient
from runtime_image.webui.errors import WebUiFailed
from runtime_image.webui.progress import PROGRESS_PATH, WITHOUT_PICTURE

#: Seconds between two looks, and the same as a part of a short limit.
LOOK_SECONDS: Final = 10.0
LOOK_PART: Final = 0.2


class IdleWatch:
    """Each run belongs to one process of the Web UI that has got ready, in a thread of its own."""

    def __init__(self, *, client: WebUiClient, condition: Condition, limit_seconds: float, clock: Clock) -> None:
        self._client = client
        self._condition = condition
        self._limit_seconds = limit_seconds
        self._clock = clock

    def run(self, child: Child) -> WebUiHangs | None:
        """Return once an idle Web UI has not answered for the limit; with None soon after its process has ended."""
        silent_since: float | None = None
        while child.running:
            self._clock.sleep(min(LOOK_SECONDS, LOOK_PART * self._limit_seconds))
            now = self._clock.monotonic()
            if not self._condition.is_idle or self._answers():
                silent_since = None
            elif silent_since is None:
                silent_since = now
            elif self._clock.monotonic() - silent_since >= self._limit_seconds and self._condition.is_idle:
                return WebUiHangs(child)
        return None

    def _answers(self) -> bool:
        timeout_seconds = min(LOOK_TIMEOUT_SECONDS, self._limit_seconds)
        try:
            self._client.call("GET", PROGRESS_PATH + WITHOUT_PICTURE, timeout_seconds=timeout_seconds)
        except WebUiFailed:
            return False
        return True
