"""Lambda function from a test's own code, run inside an event loop by the real runtime client."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from local.lambda_runtime.definition import FunctionDefinition
from local.lambda_runtime.function import FunctionProgram, LambdaFunction
from local.processes.process_group import ProcessGroup

T = TypeVar("T")
#: Seconds for one scenario; only a failing test needs them all.
_SCENARIO_SECONDS: Final = 60


@dataclass(frozen=True)
class FunctionRunner:
    """Runs scenarios with the function whose code is in the folder; its handler is `function.handler`."""

    folder: Path

    def write(self, code: str) -> None:
        """Write the code of the function's module."""
        (self.folder / "function.py").write_text(code)

    def __call__(
        self,
        scenario: Callable[[LambdaFunction], Awaitable[T]],
        *,
        handler: str = "function.handler",
        timeout_seconds: float = 10.0,
        max_concurrency: int | None = None,
    ) -> T:
        """Return the outcome of the scenario."""
        return asyncio.run(
            self._run(
                scenario,
                FunctionDefinition(
                    name="function",
                    arn="arn:aws:lambda:us-east-1:123456789012:function:function",
                    handler=handler,
                    environment={},
                    memory_mb=256,
                    timeout_seconds=timeout_seconds,
                    max_concurrency=max_concurrency,
                ),
            )
        )

    async def _run(self, scenario: Callable[[LambdaFunction], Awaitable[T]], definition: FunctionDefinition) -> T:
        environment = {"PYTHONPATH": str(self.folder), "PATH": os.defpath, "OWN": "variable", "PYTHONUNBUFFERED": "1"}
        async with ProcessGroup(environment={}) as processes:
            log_file = self.folder / "function.log"
            function = LambdaFunction(FunctionProgram(definition, processes, environment, self.folder, log_file))
            try:
                return await asyncio.wait_for(scenario(function), _SCENARIO_SECONDS)
            finally:
                await function.close()
