"""Synthesis of each environment, once for all tests of the templates."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from stacks.config import Environment
from stacks.nodejs import use_bundled_node
from tests.infrastructure.agent_log import metric_lines
from tests.infrastructure.templates import (
    ENVIRONMENTS,
    Templates,
    environment_parameters,
    read_environment,
    synthesize,
)

Synthesize = Callable[[Environment], Templates]
TemplatesOf = Callable[[str], Templates]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-snapshots", action="store_true", help="write the snapshots of the templates anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # One worker synthesizes for all tests, because starting the CDK library costs seconds.
    for item in items:
        if Path(__file__).parent in item.path.parents and item.config.pluginmanager.hasplugin("xdist"):
            item.add_marker(pytest.mark.xdist_group("infrastructure"))


@pytest.fixture(scope="session", autouse=True)
def _bundled_node() -> None:
    use_bundled_node()


@pytest.fixture(scope="session", name="synthesize")
def _synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """Synthesizes an environment in this process, without the functions' code."""
    return lambda environment: synthesize(environment, tmp_path_factory.mktemp(environment.name))


@pytest.fixture(scope="session")
def templates_of(synthesize: Synthesize) -> TemplatesOf:
    return cache(lambda name: synthesize(read_environment(name)))


@pytest.fixture(params=environment_parameters(*ENVIRONMENTS))
def templates(request: pytest.FixtureRequest, templates_of: TemplatesOf) -> Templates:
    """The templates of each environment in turn."""
    return templates_of(request.param)


@pytest.fixture
def everything(templates_of: TemplatesOf) -> Templates:
    """The templates of the environment on EKS, in which every key has a value other than its default."""
    return templates_of("everything")


@pytest.fixture
def ecs(templates_of: TemplatesOf) -> Templates:
    """The templates of the environment on ECS, in which only the required keys are set."""
    return templates_of("ecs")


@pytest.fixture(params=environment_parameters("ecs", "ecs-china"))
def fleet(request: pytest.FixtureRequest, templates_of: TemplatesOf) -> Templates:
    """The templates of each environment on ECS in turn."""
    return templates_of(request.param)


@pytest.fixture
def lines_of_agents(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The lines with metrics in the log of an agent."""
    return metric_lines(caplog)
