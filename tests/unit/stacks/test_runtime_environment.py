"""The container's variables are those that its processes read."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import runtime_image
from contract.settings import Settings
from stacks.config import Environment, RuntimeConfig
from stacks.config.reserved import RESERVED_VARIABLES
from stacks.constructs.runtime_environment import RuntimeResources, runtime_environment

RESOURCES = RuntimeResources(
    queue_url="https://sqs.eu-central-1.amazonaws.com/123456789012/queue",
    task_table="table",
    task_bucket="tasks",
    output_bucket="outputs",
    model_bucket="models",
)
RUNTIMES = (
    RuntimeConfig(name="a", model_filename="a.safetensors", extra_env={"PYTORCH_CUDA_ALLOC_CONF": "x"}),
    RuntimeConfig(name="b", dynamic_model=True, longest_task_seconds=100),
)
ENVIRONMENT = Environment(name="test", runtimes=RUNTIMES, link_buckets=("others",))


def settings_classes() -> Iterator[type[Settings]]:
    """Yield the settings class of every process in the container."""
    folder = Path(runtime_image.__file__).parent
    for file in sorted(folder.rglob("settings.py")):
        name = ".".join(("runtime_image", *file.relative_to(folder).with_suffix("").parts))
        module = importlib.import_module(name)
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Settings) and value.__module__ == name:
                yield value


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)
def test_a_container_gets_the_variables_that_its_processes_read_and_no_others(runtime: RuntimeConfig) -> None:
    variables = runtime_environment(runtime, ENVIRONMENT, RESOURCES)
    read = frozenset[str]().union(*(settings.variables() for settings in settings_classes()))
    assert variables.keys() - runtime.extra_env.keys() == read


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)
@pytest.mark.parametrize("settings", settings_classes(), ids=lambda settings: settings.__name__)
def test_a_process_takes_the_values_that_it_is_given(settings: type[Settings], runtime: RuntimeConfig) -> None:
    settings.from_environment(runtime_environment(runtime, ENVIRONMENT, RESOURCES))


def test_an_environment_file_may_not_set_what_the_processes_read() -> None:
    for settings in settings_classes():
        assert settings.variables() <= RESERVED_VARIABLES


def test_values_of_the_environment_file_arrive() -> None:
    first, second = (runtime_environment(runtime, ENVIRONMENT, RESOURCES) for runtime in RUNTIMES)
    assert first["PYTORCH_CUDA_ALLOC_CONF"] == "x"
    assert json.loads(first["LINK_BUCKETS"]) == ["others", "outputs", "tasks/uploads/"]
    assert (first["GRACE_PERIOD_SECONDS"], second["GRACE_PERIOD_SECONDS"]) == ("600", "100")
