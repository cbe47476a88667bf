"""Lambda Runtime API for one process, which gets its events here and posts its results.

AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes".
"""

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_VERSION: Final = "2018-06-01"
#: Bytes of a synchronous invocation's request and of its response (Lambda quotas, 6 MB).
MAX_PAYLOAD_BYTES: Final = 6 * 1024 * 1024


@dataclass(frozen=True)
class InvocationResult:
    """The outcome of an invocation: JSON of the handler's value, or of the error's description."""

    payload: bytes
    is_error: bool = False


@dataclass
class Invocation:
    """One event on its way through a process. `received` fires when the process has asked for it."""

    event: bytes
    arn: str
    timeout_seconds: float
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    received: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Future[InvocationResult] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def finish(self, answer: InvocationResult) -> None:
        """Set the outcome; only the first counts."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def headers(self) -> Mapping[str, str]:
        """Return the headers from which the runtime client builds the handler's context."""
        deadline_ms = int((time.time() + self.timeout_seconds) * 1000)
        return {
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": self.arn,
        }


class RuntimeApi:
    """Hands invocations to one process, one at a time."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Invocation | None] = asyncio.Queue()
        self._current: Invocation | None = None
        runtime = f"/{_VERSION}/runtime"
        self.application = Starlette(
            routes=[
                Route(f"{runtime}/invocation/next", self._next),
                Route(f"{runtime}/invocation/{{request_id}}/response", self._response, methods=["POST"]),
                Route(f"{runtime}/invocation/{{request_id}}/error", self._error, methods=["POST"]),
                Route(f"{runtime}/init/error", self._init_error, methods=["POST"]),
            ]
        )

    def submit(self, invocation: Invocation) -> None:
        """Let the process have this invocation next."""
        self._current = invocation
        self._waiting.put_nowait(invocation)

    def reset(self) -> None:
        """Forget the process and what it has not asked for: it is gone."""
        # Its last request for an event is still open on our side, and would hold up the server's end.
        self._waiting.put_nowait(None)
        self._waiting = asyncio.Queue()
        self._current = None

    async def _next(self, _request: Request) -> Response:
        invocation = await self._waiting.get()
        if invocation is None:
            return JSONResponse({"errorMessage": "the process has ended", "errorType": "InvalidState"}, 410)
        invocation.received.set()
        return Response(invocation.event, media_type="application/json", headers=invocation.headers())

    async def _response(self, request: Request) -> Response:
        payload = await request.body()
        answer = InvocationResult(payload)
        if len(payload) > MAX_PAYLOAD_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes)."
            answer = error_answer("Function.ResponseSizeTooLarge", message)
        return self._settle(request, answer)

    async def _error(self, request: Request) -> Response:
        return self._settle(request, InvocationResult(await request.body(), is_error=True))

    async def _init_error(self, request: Request) -> Response:
        if self._current:
            self._current.finish(InvocationResult(await request.body(), is_error=True))
        return _accepted()

    def _settle(self, request: Request, answer: InvocationResult) -> Response:
        current = self._current
        if current is None or current.request_id != request.path_params["request_id"]:
            return JSONResponse({"errorMessage": "no such invocation", "errorType": "InvalidRequestID"}, 400)
        current.finish(answer)
        return _accepted()


def error_answer(error_type: str, message: str) -> InvocationResult:
    """Return the answer that Lambda itself gives when a function could not give one."""
    return InvocationResult(JSONResponse({"errorType": error_type, "errorMessage": message}).body, is_error=True)  # type: ignore[arg-type]  # bytes, not memoryview, for JSON


def _accepted() -> Response:
    return JSONResponse({"status": "OK"}, 202)
