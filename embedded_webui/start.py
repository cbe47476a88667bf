"""Start of the Web UI, as fragile as the real one's: the port is open before the API exists.

Any HTTP request before the middleware is complete ends the process. After that the routes appear one by one.
"""

import os
import random
import threading
import time
import traceback
from collections.abc import Callable
from typing import Final

from fastapi import FastAPI

from embedded_webui.api.application import add_middleware, add_routes
from embedded_webui.web_ui import EmbeddedWebUi

#: Seconds from the opening of the port to the middleware, as recorded from v1.10.1.
MIDDLEWARE_SECONDS: Final = 0.25
#: Longest seconds of a start that is drawn at random: until the middleware, and after each route.
DRAWN_MIDDLEWARE_SECONDS: Final = 1.0
DRAWN_ROUTE_SECONDS: Final = 0.04


class FragileStart:
    """Adds middleware and routes to an application that is served already.

    Args:
        application: An application without middleware and routes.
        web_ui: The parts that the routes call.
        seed: Draws the pauses at random; without it they are the recorded ones.
        on_started: Called at the end.
    """

    def __init__(
        self, *, application: FastAPI, web_ui: EmbeddedWebUi, seed: int | None, on_started: Callable[[], None]
    ) -> None:
        self._application = application
        self._web_ui = web_ui
        self._pauses = None if seed is None else random.Random(seed)  # noqa: S311 - a test's pauses are no secret
        self._on_started = on_started

    def begin(self) -> None:
        """Start in a thread. A failure ends the process."""
        threading.Thread(target=self._run, name="start", daemon=True).start()

    def _run(self) -> None:
        try:
            self._pause(MIDDLEWARE_SECONDS, DRAWN_MIDDLEWARE_SECONDS)
            # FastAPI raises the real one's error here if it has answered a request.
            add_middleware(self._application)
            for _ in add_routes(self._application, self._web_ui):
                self._pause(0.0, DRAWN_ROUTE_SECONDS)
        except Exception:  # noqa: BLE001 - any error ends the real one's process
            traceback.print_exc()
            os._exit(1)
        self._on_started()

    def _pause(self, recorded_seconds: float, longest_seconds: float) -> None:
        time.sleep(self._pauses.uniform(0.0, longest_seconds) if self._pauses else recorded_seconds)
