"""Start of the stub's process, as fragile as the real one's: the port is open before the API exists."""

import os
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from stub_webui.service import Reply

#: Seconds from the opening of the port to the middleware, as recorded from v1.10.1.
MIDDLEWARE_SECONDS: Final = 0.25
#: Longest seconds of a start that is drawn at random: until the middleware, and from there to the last route.
DRAWN_MIDDLEWARE_SECONDS: Final = 1.0
DRAWN_ROUTES_SECONDS: Final = 1.0
_MESSAGE: Final = "RuntimeError: Cannot add middleware after an application has started\n"


class StubStart:
    """Answers for the stub until its start has ended. `seed` draws the pauses; otherwise they are the recorded ones."""

    def __init__(
        self, *, seed: int | None, on_started: Callable[[], None], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._seed = seed
        self._on_started = on_started
        self._monotonic = monotonic
        self._began_at = monotonic()
        self._middleware_seconds, self._routes_seconds = MIDDLEWARE_SECONDS, 0.0
        if seed is not None:
            pauses = random.Random(seed)  # noqa: S311 - a test's pauses are no secret
            self._middleware_seconds = pauses.uniform(0.0, DRAWN_MIDDLEWARE_SECONDS)
            self._routes_seconds = pauses.uniform(0.0, DRAWN_ROUTES_SECONDS)

    def begin(self) -> None:
        """Begin with the opening of the port."""
        self._began_at = self._monotonic()
        threading.Thread(target=self._end, name="start", daemon=True).start()

    def intercept(self, path: str) -> Reply | None:
        """Return the answer to a request that comes too early. One before the middleware ends the process."""
        seconds = self._monotonic() - self._began_at
        if seconds < self._middleware_seconds:
            sys.stderr.write(_MESSAGE)
            sys.stderr.flush()
            os._exit(1)
        return None if seconds >= self._registered_after(path) else (404, {"detail": "Not Found"})

    def _registered_after(self, path: str) -> float:
        if self._seed is None:
            return self._middleware_seconds
        part = random.Random(f"{self._seed} {path}").random()  # noqa: S311 - see above
        return self._middleware_seconds + part * self._routes_seconds

    def _end(self) -> None:
        time.sleep(self._middleware_seconds + self._routes_seconds)
        self._on_started()
