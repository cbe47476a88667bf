"""Subscriber of the completion topic on this machine: records every callback and shows it over HTTP."""

import json
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from contract.json_values import compact_json


class CallbackReceiver:
    """Appends callbacks to a file of JSON lines, and serves them at `GET /callbacks?after=N`."""

    def __init__(self, *, file: Path) -> None:
        self._file = file
        self._callbacks: list[Any] = []
        self.application = Starlette(
            routes=[
                Route("/notifications", self._receive, methods=["POST"]),
                Route("/callbacks", self._show),
            ]
        )

    async def _receive(self, request: Request) -> Response:
        # SNS sends JSON as text/plain.
        notification = json.loads(await request.body())
        if notification.get("Type") == "Notification":
            callback = json.loads(notification["Message"])
            self._callbacks.append(callback)
            with self._file.open("a") as file:
                file.write(json.dumps(callback) + "\n")
        return Response()

    async def _show(self, request: Request) -> Response:
        """Return the callbacks after the first N, and the N to ask with next time."""
        try:
            after = int(request.query_params.get("after", "0"))
        except ValueError:
            return JSONResponse({"error": "after must be the number of callbacks to leave out"}, 400)
        page = {"callbacks": self._callbacks[max(after, 0) :], "next": len(self._callbacks)}
        # In ASCII, because `context` may hold half a surrogate pair, which UTF-8 cannot.
        return Response(compact_json(page), media_type="application/json")
