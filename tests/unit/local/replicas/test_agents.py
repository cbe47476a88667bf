from pathlib import Path

from local.aws.clients import LocalAwsClients
from local.command_line import parse_options
from local.replicas.agents import agent_environment, container_environment, engine_variables
from local.replicas.containers import container_engine_command
from runtime_image.agent.settings import AgentSettings
from runtime_image.model_downloader.settings import ModelSettings
from runtime_image.supervisor.settings import SupervisorSettings
from stacks.config import Environment, RuntimeConfig
from tests.harness.orchestrator_variables import SET_BY_ORCHESTRATORS

RUNTIME = RuntimeConfig(name="sd-xl", dynamic_model=True, visibility_timeout_seconds=30)
WORKFLOWS = RuntimeConfig(name="sd-xl", type="comfyui", visibility_timeout_seconds=30)
ENVIRONMENT = Environment(
    name="mine", runtimes=(RUNTIME,), retention_hours=2, link_buckets=("pictures",), allowed_link_hosts=("127.0.0.1:7",)
)
OUTPUTS = {
    "RuntimeSdXlQueueUrl": "http://queue",
    "RuntimeSdXlLowPriorityQueueUrl": "http://queue-low-priority",
    "TaskTableName": "table",
    "TaskBucketName": "tasks",
    "OutputBucketName": "outputs",
    "ModelBucketName": "models",
}

#: Variables of the agent on AWS alone, of one with a supervisor, and of the image. An environment file names the
#: collector of spans.
SET_ELSEWHERE = SET_BY_ORCHESTRATORS | {"OTEL_EXPORTER_OTLP_ENDPOINT", "ENGINE_READY_FILE", "NODE_LIST"}


def container(engine: dict[str, str] | None = None, *, runtime: RuntimeConfig = RUNTIME) -> dict[str, str]:
    clients = LocalAwsClients(endpoint_url="http://127.0.0.1:1", region="eu-central-1")
    return container_environment(
        runtime,
        ENVIRONMENT,
        outputs=OUTPUTS,
        engine=engine or engine_variables("http://127.0.0.1:2"),
        folder=Path("/state"),
        clients=clients,
    )


def variables() -> dict[str, str]:
    return agent_environment(container())


def test_every_setting_of_the_agent_is_given_and_no_other() -> None:
    comfyui = engine_variables("http://127.0.0.1:2", comfyui_directory=Path("/comfyui"))
    given = variables() | agent_environment(container(comfyui, runtime=WORKFLOWS))
    aws = {name for name in given if name.startswith("AWS_")}
    assert given.keys() - aws == AgentSettings.variables() - SET_ELSEWHERE
    assert {"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= aws


def test_the_agent_can_read_them() -> None:
    settings = AgentSettings.from_environment(variables())
    assert settings.runtime == "sd-xl"
    assert settings.queue_url == "http://queue"
    assert settings.retention_seconds == 7200
    assert settings.visibility_timeout_seconds == 30
    assert settings.link_buckets == ("pictures", "outputs", "tasks/uploads/")
    assert settings.allowed_link_hosts == ("127.0.0.1:7",)


def test_a_container_keeps_to_its_folder_and_to_its_web_ui() -> None:
    environment = {
        **container(),
        "WEBUI_COMMAND": container_engine_command(RUNTIME, container(), parse_options(["up"])),
    }
    supervisor, models = SupervisorSettings.from_environment(environment), ModelSettings.from_environment(environment)
    arguments = dict(zip(supervisor.webui_command[-6::2], supervisor.webui_command[-5::2], strict=True))
    assert arguments["--port"] == "2"
    assert arguments["--models-folder"] == "/state/models"
    assert arguments["--ui-settings-file"].startswith("/state/")
    assert supervisor.models_directory == models.models_directory == Path("/state/models")
    assert supervisor.model_bucket == models.model_bucket == "models"
    assert supervisor.status_file.parent == Path("/state")


def test_a_container_of_workflows_keeps_to_its_folder_and_to_its_comfyui() -> None:
    workflows = RuntimeConfig(name="workflows", type="comfyui")
    variables = container(engine_variables("http://127.0.0.1:3", comfyui_directory=Path("/state/comfyui")))
    options = parse_options(["up", "--stub-webui", "0.5"])
    environment = variables | {"WEBUI_COMMAND": container_engine_command(workflows, variables, options)}
    supervisor = SupervisorSettings.from_environment(environment)
    assert (supervisor.runtime_type, supervisor.comfyui_url) == ("comfyui", "http://127.0.0.1:3")
    launcher, program = supervisor.webui_command[2:4]
    assert launcher == "runtime_image.launcher.comfyui"
    assert program.endswith("embedded_comfyui/__main__.py")
    arguments = dict(zip(supervisor.webui_command[-8::2], supervisor.webui_command[-7::2], strict=True))
    assert arguments == {
        "--models": "/state/models",
        "--base-directory": "/state/comfyui",
        "--stub-seconds": "0.5",
        "--port": "3",
    }
    assert environment["COMFYUI_INPUT_FOLDER"] == "/state/comfyui/input"


def test_an_own_comfyui_may_keep_a_folder_elsewhere(tmp_path: Path) -> None:
    """The agent itself follows no link, because on AWS a custom node could make it."""
    (tmp_path / "output").symlink_to(tmp_path / "disk")
    variables = engine_variables("http://127.0.0.1:3", comfyui_directory=tmp_path)
    assert variables["COMFYUI_OUTPUT_FOLDER"] == str(tmp_path / "disk")
