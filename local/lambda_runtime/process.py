"""One process of a function under AWS's runtime client; it takes one invocation at a time, as on Lambda."""

import asyncio
import sys
from pathlib import Path
from typing import Any, Final

from local.lambda_runtime.definition import FunctionDefinition
from local.lambda_runtime.runtime_api import Invocation, InvocationResult, RuntimeApi, error_answer
from local.processes.http_server import HttpServer
from local.processes.process_group import LocalProcess, ProcessGroup

#: Seconds from start to the first request for an event. Lambda gives 10; a machine that loads models at the same
#: time is slower.
_INIT_SECONDS: Final = 60.0


class FunctionProcess:
    """A process that is started for the first invocation, and anew for the one after its death."""

    def __init__(
        self,
        definition: FunctionDefinition,
        *,
        processes: ProcessGroup,
        environment: dict[str, str],
        folder: Path,
        log_file: Path,
    ) -> None:
        self._processes = processes
        self._definition = definition
        self._environment = environment
        self._folder = folder
        self._log_file = log_file
        self._api = RuntimeApi()
        self._server = HttpServer(self._api.application)
        self._serving = False
        self._child: LocalProcess | None = None

    async def invoke(self, event: bytes) -> InvocationResult:
        """Return what the handler makes of `event`; errors, time-outs and crashes are answers too."""
        child = await self._start()
        invocation = Invocation(event, self._definition.arn, self._definition.timeout_seconds)
        self._api.submit(invocation)
        died = asyncio.create_task(child.wait())
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
        if self._child:
            await self._child.kill()
            self._child = None
        self._api.reset()

    async def close(self) -> None:
        """End the process and the API that it talks to."""
        await self.kill()
        await self._server.stop()

    async def _start(self) -> LocalProcess:
        if not self._serving:
            await self._server.start()
            self._serving = True
        if self._child and self._child.running:
            return self._child
        self._api.reset()
        self._child = await self._processes.start(
            [sys.executable, "-m", "awslambdaric", self._definition.handler],
            name=f"function {self._definition.name}",
            log_file=self._log_file,
            environment=self._environment | {"AWS_LAMBDA_RUNTIME_API": self._server.address},
            folder=self._folder,
        )
        return self._child

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
