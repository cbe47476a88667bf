"""Fixture of the supervisor's tests."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.agent.conftest import aws_endpoint
from tests.integration.agent.harness import MAX_LOG_SHOWN
from tests.integration.supervisor.container import ContainerHarness

__all__ = ["aws_endpoint"]


@pytest.fixture
def harness(aws_endpoint: str, tmp_path: Path) -> Iterator[ContainerHarness]:
    harness = ContainerHarness(aws_endpoint, tmp_path)
    try:
        yield harness
    finally:
        for container in harness.containers:
            container.process.kill()
            container.process.wait()
            # pytest shows it if the test failed.
            sys.stdout.write(container.log_file.read_text()[-MAX_LOG_SHOWN:])
        harness.port_holder.close()
