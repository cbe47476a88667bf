"""A real moto server for the tests of the local system, and Lambda functions from the tests' own code."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.aws.clients import LocalAwsClients
from tests.harness.function_runner import FunctionRunner

PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def clients() -> Iterator[LocalAwsClients]:
    command = [sys.executable, "-m", "local.aws.server"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout
            port = json.loads(server.stdout.readline())["port"]
            yield LocalAwsClients(endpoint_url=f"http://127.0.0.1:{port}", region="us-east-1")
        finally:
            server.terminate()


@pytest.fixture
def run_function(tmp_path: Path) -> FunctionRunner:
    return FunctionRunner(tmp_path)


@pytest.fixture
def write_function(run_function: FunctionRunner) -> Callable[[str], None]:
    return run_function.write
