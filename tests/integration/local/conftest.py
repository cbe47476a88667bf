"""A real moto server for the tests of the local system, and an event loop in which its parts run."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from local.aws.clients import AwsClients
from local.lambda_runtime.definition import FunctionDefinition
from local.lambda_runtime.function import FunctionProgram, LambdaFunction
from local.processes.process_group import ProcessGroup

PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def clients() -> Iterator[AwsClients]:
    command = [sys.executable, "-m", "local.aws.server"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout
            port = json.loads(server.stdout.readline())["port"]
            yield AwsClients(endpoint_url=f"http://127.0.0.1:{port}", region="us-east-1")
        finally:
            server.terminate()


@pytest.fixture
def write_function(tmp_path: Path) -> Callable[[str], None]:
    """Write the code of a function's module; its handler is `function.handler`."""

    def write(code: str) -> None:
        (tmp_path / "function.py").write_text(code)

    return write


RunFunction = Callable[..., Any]


@pytest.fixture
def run_function(tmp_path: Path) -> RunFunction:
    """Run a coroutine function with a Lambda function whose code lies in the test's folder."""

    @asynccontextmanager
    async def started(**settings: Any) -> AsyncIterator[LambdaFunction]:
        definition = FunctionDefinition(
            name="function",
            arn="arn:aws:lambda:us-east-1:123456789012:function:function",
            handler="function.handler",
            environment={},
            memory_mb=256,
            **{"timeout_seconds": 10.0, **settings},
        )
        environment = {"PYTHONPATH": str(tmp_path), "PATH": os.defpath, "OWN": "variable", "PYTHONUNBUFFERED": "1"}
        async with ProcessGroup(environment={}) as processes:
            log_file = tmp_path / "function.log"
            function = LambdaFunction(FunctionProgram(definition, processes, environment, tmp_path, log_file))
            try:
                yield function
            finally:
                await function.close()

    def run(scenario: Callable[[LambdaFunction], Awaitable[Any]], **settings: Any) -> Any:
        async def whole() -> Any:
            async with started(**settings) as function:
                return await asyncio.wait_for(scenario(function), 60)

        return asyncio.run(whole())

    return run
