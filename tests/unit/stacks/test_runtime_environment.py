"""The container's variables are those that its processes read."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import runtime_image
from contract.settings import Settings
from runtime_image.model_downloader.settings import ModelSettings
from runtime_image.process.host_messages import LOOPBACK
from runtime_image.supervisor.settings import SupervisorSettings
from runtime_image.webui_host.settings import WebUiHostSettings
from stacks.config import Disk, Environment, RuntimeConfig
from stacks.config.validation import is_reserved_variable
from stacks.constructs.runtime.environment_variables import (
    WITHOUT_WEBUI,
    runtime_environment,
    webui_container_environment,
)
from tests.harness.orchestrator_variables import SET_BY_ORCHESTRATORS

RESOURCES = {
    "QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/queue",
    "LOW_PRIORITY_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/low-priority-queue",
    "TASK_TABLE": "table",
    "TASK_BUCKET": "tasks",
    "OUTPUT_BUCKET": "outputs",
    "MODEL_BUCKET": "models",
}
RUNTIMES = (
    RuntimeConfig(
        name="a",
        model_filename="a.safetensors",
        extra_env={"PYTORCH_CUDA_ALLOC_CONF": "x"},
        webui_arguments=("--xformers", "--styles-file", "my styles.csv"),
    ),
    RuntimeConfig(name="b", dynamic_model=True, longest_task_seconds=100),
    RuntimeConfig(name="c", type="comfyui", preload=("vae/ae.safetensors",), api_nodes=True),
)
ENVIRONMENT = Environment(name="test", runtimes=RUNTIMES, link_buckets=("others",))

#: Variables that are left to `extraEnv`: who wants spans names a collector there.
LEFT_TO_THE_ENVIRONMENT_FILE = {
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "START_DEADLINE_SECONDS",
    "WARM_UP",
    "WEBUI_RESTARTS",
}
#: Variables that have a value and may be given another by `extraEnv`.
OPEN_TO_THE_ENVIRONMENT_FILE = {"WEBUI_MEMORY_LIMIT"}
#: What the image brings: only it knows where its Web UI, its models and its list of nodes are.
SET_BY_THE_IMAGE = {"WEBUI_COMMAND", "BAKED_MODELS_DIRECTORY", "NODE_LIST"}
#: What the engines add, because they put the Web UI into a second container.
SET_BY_ENGINES = {"WEBUI_HOST", "WEBUI_HOST_PORT"}
#: Variables that the supervisor gives to the agent.
SET_BY_THE_SUPERVISOR = {"ENGINE_READY_FILE"}
#: Variables of one engine, which the other has no use for.
OF_ONE_ENGINE = {
    "sdwebui": {"WEBUI_URL"},
    "comfyui": {
        *("COMFYUI_URL", "COMFYUI_INPUT_FOLDER", "COMFYUI_OUTPUT_FOLDER", "COMFYUI_TEMP_FOLDER", "PRELOAD"),
        *("COMFYUI_MAX_BYTES", "ALLOWED_NODES", "DISALLOWED_NODES", "API_NODES"),
    },
}
#: What the Web UI reads itself.
READ_BY_THE_WEBUI = {"COMMANDLINE_ARGS"}


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
    set_elsewhere = SET_BY_ORCHESTRATORS | SET_BY_THE_IMAGE | SET_BY_THE_SUPERVISOR
    other = OF_ONE_ENGINE["comfyui" if runtime.type == "sdwebui" else "sdwebui"]
    given = (read | OF_ONE_ENGINE[runtime.type]) - other - LEFT_TO_THE_ENVIRONMENT_FILE - set_elsewhere - SET_BY_ENGINES
    assert variables.keys() - runtime.extra_env.keys() == given | READ_BY_THE_WEBUI


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)
@pytest.mark.parametrize("settings", settings_classes(), ids=lambda settings: settings.__name__)
def test_a_process_takes_the_values_that_it_is_given(settings: type[Settings], runtime: RuntimeConfig) -> None:
    both = runtime_environment(runtime, ENVIRONMENT, RESOURCES) | webui_container_environment(runtime, ENVIRONMENT)
    settings.from_environment({"WEBUI_COMMAND": "webui", **both, **WITHOUT_WEBUI})


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)
def test_the_web_uis_container_gets_nothing_about_aws(runtime: RuntimeConfig) -> None:
    variables = webui_container_environment(runtime, ENVIRONMENT)
    needed = WebUiHostSettings.variables() - SET_BY_THE_IMAGE
    assert variables.keys() == needed | READ_BY_THE_WEBUI | runtime.extra_env.keys()
    settings = WebUiHostSettings.from_environment({"WEBUI_COMMAND": "webui", **variables})
    assert set(settings.webui_variables) == runtime.extra_env.keys()
    host = SupervisorSettings.from_environment(
        {"WEBUI_COMMAND": "webui", **runtime_environment(runtime, ENVIRONMENT, RESOURCES), **WITHOUT_WEBUI}
    )
    assert host.webui_host_address == (LOOPBACK, settings.webui_host_port)


def test_an_environment_file_may_not_set_what_the_processes_read() -> None:
    for settings in settings_classes():
        free = {variable for variable in settings.variables() if not is_reserved_variable(variable)}
        assert free <= LEFT_TO_THE_ENVIRONMENT_FILE | OPEN_TO_THE_ENVIRONMENT_FILE


def test_values_of_the_environment_file_arrive() -> None:
    first, second, third = (runtime_environment(runtime, ENVIRONMENT, RESOURCES) for runtime in RUNTIMES)
    assert first["PYTORCH_CUDA_ALLOC_CONF"] == "x"
    assert json.loads(first["LINK_BUCKETS"]) == ["others", "outputs", "tasks/uploads/"]
    assert (first["ENVIRONMENT"], first["ORCHESTRATOR"]) == ("test", "none")
    assert (first["MODEL_FILENAME"], second["MODEL_FILENAME"]) == ("a.safetensors", "")
    assert first["COMMANDLINE_ARGS"] == "--xformers --styles-file 'my styles.csv'"
    assert (third["RUNTIME_TYPE"], third["PRELOAD"]) == ("comfyui", '["vae/ae.safetensors"]')
    assert third["COMMANDLINE_ARGS"] == "--api-nodes"


def test_models_make_room_before_the_disk_is_full() -> None:
    """A g5.xlarge and a g6.xlarge have 250 GB of NVMe, of which no more counts than the disk that was asked for."""
    default, large = (
        RuntimeConfig(name="a", dynamic_model=True, instance_types=("g5.xlarge",), disk=Disk(size_gib=size_gib))
        for size_gib in (100, 1000)
    )
    limits = [
        ModelSettings.from_environment(runtime_environment(runtime, ENVIRONMENT, RESOURCES)).models_max_bytes
        for runtime in (default, large)
    ]
    assert limits == [45 * 2**30, (250 * 10**9 // 2**31) * 2**10 * 9 // 10 * 2**20]


def test_the_web_ui_restarts_before_the_kernel_ends_it() -> None:
    runtime = RuntimeConfig(name="a", dynamic_model=True, instance_types=("g5.xlarge",))
    variables = {"WEBUI_COMMAND": "webui", **runtime_environment(runtime, ENVIRONMENT, RESOURCES)}
    limit = SupervisorSettings.from_environment(variables).webui_memory_limit
    assert limit == int(16 * 1024 * 0.75 * 0.85) * 2**20
    chosen = runtime.model_copy(update={"extra_env": {"WEBUI_MEMORY_LIMIT": "9GiB"}})
    assert runtime_environment(chosen, ENVIRONMENT, RESOURCES)["WEBUI_MEMORY_LIMIT"] == "9GiB"


@pytest.mark.parametrize("seconds", [5, 10, 100, 600, 43_200])
def test_the_agent_can_finish_the_longest_task_before_the_container_is_killed(seconds: int) -> None:
    runtime = RuntimeConfig(name="a", dynamic_model=True, longest_task_seconds=seconds)
    variables = {"WEBUI_COMMAND": "webui", **runtime_environment(runtime, ENVIRONMENT, RESOURCES)}
    settings = SupervisorSettings.from_environment(variables)
    assert settings.agent_grace_period_seconds >= seconds
    assert settings.grace_period_seconds < runtime.stop_seconds


@pytest.mark.parametrize(("engine", "share_gib"), [("ecs", 109), ("eks", 250)])
def test_a_replica_counts_on_the_nvme_that_the_nodes_of_its_engine_use(engine: str, share_gib: int) -> None:
    # Four replicas; four disks of 875 GiB, of which a node on ECS uses one.
    runtime = RuntimeConfig(name="c", type="comfyui", instance_types=("g6.12xlarge",), disk=Disk(size_gib=500))
    environment = ENVIRONMENT.model_copy(update={"engine": engine, "runtimes": (runtime,)})
    variables = runtime_environment(runtime, environment, RESOURCES)
    assert variables["COMFYUI_MAX_BYTES"] == f"{share_gib}GiB"
    assert variables["MODELS_MAX_BYTES"] == f"{share_gib * 1024 * 9 // 10}MiB"
