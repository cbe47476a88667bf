"""Lambda function with its processes: another one starts when all are busy, up to a small number."""

import asyncio
import json
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local.lambda_runtime.definition import FunctionDefinition
from local.lambda_runtime.runtime_api import MAX_PAYLOAD_BYTES, Invocation, InvocationResult, RuntimeApi, error_answer
from local.processes.http_server import HttpServer
from local.processes.process_group import LocalProcess, ProcessGroup

log = logging.getLogger(__name__)

#: Processes of one function, of which each is started when all others are busy. A call that waits for the end of a
#: task must not block calls that read its progress or cancel it.
MAX_PROCESSES: Final = 4
#: Characters of a function's error in our log; its own log holds it whole.
_MAX_LOGGED_ERROR: Final = 1000
#: Seconds from start to the first request for an event. Lambda gives 10, but a machine that loads models meanwhile is
#: slower.
_INIT_SECONDS: Final = 60.0


@dataclass(frozen=True)
class FunctionProgram:
    """A function with all that its processes need; `environment` is their whole environment."""

    definition: FunctionDefinition
    processes: ProcessGroup
    environment: dict[str, str]
    folder: Path
    log_file: Path


class PayloadTooLarge(Exception):
    """Raised when an event is larger than Lambda accepts."""


class LambdaFunction:
    """Invokes one function."""

    def __init__(self, program: FunctionProgram) -> None:
        self.definition = program.definition
        limit = min(MAX_PROCESSES, program.definition.max_concurrency or MAX_PROCESSES)
        self._free = asyncio.Semaphore(limit)
        # The last one used is used first, so that the second process is started only when it is needed.
        self._idle = [FunctionProcess(program) for _ in range(limit)]
        self._processes = tuple(self._idle)

    async def invoke(self, event: Any) -> InvocationResult:
        """Return the function's result for `event`. Wait while all of its processes are busy."""
        payload = json.dumps(event, separators=(",", ":")).encode()
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise PayloadTooLarge(f"the event has {len(payload)} bytes, Lambda accepts {MAX_PAYLOAD_BYTES}")
        async with self._free:
            process = self._idle.pop()
            try:
                answer = await process.invoke(payload)
            except asyncio.CancelledError:
                await process.kill()
                raise
            finally:
                self._idle.append(process)
        if answer.is_error:
            text = answer.payload.decode(errors="replace")[:_MAX_LOGGED_ERROR]
            log.warning("function %s failed: %s", self.definition.name, text)
        return answer

    async def close(self) -> None:
        """End all processes."""
        await asyncio.gather(*(process.close() for process in self._processes))


class FunctionProcess:
    """One process under AWS's runtime client, which starts for an invocation and handles one at a time."""

    def __init__(self, program: FunctionProgram) -> None:
        self._program = program
        self._definition = program.definition
        self._api = RuntimeApi()
        self._server = HttpServer(self._api.application)
        self._serving = False
        self._process: LocalProcess | None = None

    async def invoke(self, event: bytes) -> InvocationResult:
        """Return the handler's result for `event`. Errors, timeouts and crashes are results as well."""
        process = await self._start()
        invocation = Invocation(event, self._definition.arn, self._definition.timeout_seconds)
        self._api.submit(invocation)
        died = asyncio.create_task(process.wait())
        try:
            answer = await self._first_answer(invocation, died)
        finally:
            died.cancel()
        if answer is None:
            await self.kill()
            seconds = self._definition.timeout_seconds if invocation.received.is_set() else _INIT_SECONDS
            text = f"{invocation.request_id} Task timed out after {seconds:.2f} seconds"
            return error_answer("Sandbox.Timedout", text)
        return answer

    async def kill(self) -> None:
        """End the process; the next invocation starts a new one."""
        if self._process:
            await self._process.kill()
            self._process = None
        self._api.reset()

    async def close(self) -> None:
        """End the process and the API that it talks to."""
        await self.kill()
        await self._server.stop()

    async def _start(self) -> LocalProcess:
        if not self._serving:
            await self._server.start()
            self._serving = True
        if self._process and self._process.running:
            return self._process
        self._api.reset()
        self._process = await self._program.processes.start(
            [sys.executable, "-m", "awslambdaric", self._definition.handler],
            name=f"function {self._definition.name}",
            log_file=self._program.log_file,
            environment=self._program.environment | {"AWS_LAMBDA_RUNTIME_API": self._server.address},
            folder=self._program.folder,
        )
        return self._process

    async def _first_answer(self, invocation: Invocation, died: asyncio.Task[int]) -> InvocationResult | None:
        """Return the answer, an error if the process dies, None if it takes too long."""
        taken = asyncio.create_task(invocation.received.wait())
        try:
            starting: set[asyncio.Future[Any]] = {taken, invocation.answer, died}
            await asyncio.wait(starting, timeout=_INIT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            taken.cancel()
        if invocation.received.is_set():
            working: set[asyncio.Future[Any]] = {invocation.answer, died}
            seconds = self._definition.timeout_seconds
            await asyncio.wait(working, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if invocation.answer.done():
            return invocation.answer.result()
        if died.done():
            text = f"RequestId: {invocation.request_id} Error: Runtime exited with status {died.result()}"
            return error_answer("Runtime.ExitError", text)
        return None
