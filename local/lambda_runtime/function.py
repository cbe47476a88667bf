"""A function with its processes: one more is started when all are busy, up to a small number."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any, Final

from local.lambda_runtime.definition import FunctionDefinition
from local.lambda_runtime.process import FunctionProcess
from local.lambda_runtime.runtime_api import MAX_PAYLOAD_BYTES, InvocationResult
from local.processes.process_group import ProcessGroup

log = logging.getLogger(__name__)

#: Processes of one function, of which each is started when all others are busy. A call that waits for the end of a
#: task must not block calls that read its progress or cancel it.
MAX_PROCESSES: Final = 4
#: Characters of a function's error in our log; its own log holds it whole.
_MAX_LOGGED_ERROR: Final = 1000


class PayloadTooLarge(Exception):
    """Raised when an event is larger than Lambda accepts."""


class LambdaFunction:
    """Invokes one function; `environment` is the whole environment of its processes."""

    def __init__(
        self,
        definition: FunctionDefinition,
        *,
        processes: ProcessGroup,
        environment: dict[str, str],
        folder: Path,
        log_file: Path,
    ) -> None:
        self.definition = definition
        limit = min(MAX_PROCESSES, definition.max_concurrency or MAX_PROCESSES)
        self._free = asyncio.Semaphore(limit)
        # The last one used is used first, so that the second process is started only when it is needed.
        self._idle = [
            FunctionProcess(definition, processes=processes, environment=environment, folder=folder, log_file=log_file)
            for _ in range(limit)
        ]
        self._processes = tuple(self._idle)

    async def invoke(self, event: Any) -> InvocationResult:
        """Return what the function makes of `event`; waits while all of its processes are busy."""
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
