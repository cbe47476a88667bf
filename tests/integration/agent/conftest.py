"""Fixtures of the agent's integration tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.aws_endpoint import serve_aws
from tests.integration.agent.harness import Harness, make_harness


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    with serve_aws() as url:
        yield url


@pytest.fixture
def harness(aws_endpoint: str, tmp_path: Path) -> Iterator[Harness]:
    with make_harness(aws_endpoint, tmp_path) as harness:
        yield harness
        assert harness.webui.violations == [], "the guard let hostile arguments through to the Web UI"
