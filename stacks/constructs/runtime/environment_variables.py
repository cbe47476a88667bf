"""Environment variables of a runtime's containers, for every engine and for the local system."""

import json
import shlex
from collections.abc import Mapping
from typing import Final

from contract.upload import UPLOAD_FOLDER
from stacks.config import Environment, RuntimeConfig
from stacks.constructs.runtime.replica_limits import (
    EXCHANGE_FOLDER,
    MODELS_DIRECTORY,
    models_mib,
    replica_disk_gib,
    webui_memory_mib,
)

#: Address of the Web UI inside the container.
WEBUI_URL: Final = "http://127.0.0.1:7860"
#: Address of ComfyUI inside the container.
COMFYUI_URL: Final = "http://127.0.0.1:8188"
#: Port of the host in the Web UI's container, at which the supervisor asks for a Web UI.
WEBUI_HOST_PORT: Final = 7861
#: Variables of the agent's container next to a container of the Web UI. It uses no GPU, so NVIDIA's container runtime
#: must give it none.
WITHOUT_WEBUI: Final[Mapping[str, str]] = {
    "WEBUI_HOST": f"127.0.0.1:{WEBUI_HOST_PORT}",
    "NVIDIA_VISIBLE_DEVICES": "void",
}
#: Port on which the supervisor answers the orchestrator's probes.
HEALTH_PORT: Final = 8080
#: File with the progress of the model download, for the supervisor.
MODELS_STATE_FILE: Final = "/var/darkroom/models.json"
#: Seconds between the latest end of all processes and the orchestrator's SIGKILL.
KILL_MARGIN_SECONDS: Final = 5
#: File with the agent's status, for the supervisor's probes.
STATUS_FILE: Final = "/var/darkroom/agent-status.json"

#: The agent's name for the orchestrator of each engine.
_ORCHESTRATORS: Final = {"none": "none", "eks": "kubernetes", "ecs": "ecs"}


def runtime_environment(
    runtime: RuntimeConfig, environment: Environment, resources: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables of the agent's container of `runtime`: the settings of its processes, and `extraEnv`.

    `resources` are those that name its queues, its table and its buckets (`StorageExports.runtime_resources`).
    The orchestrator adds the variables that it alone knows (the pod's name, its own address).
    """
    return {
        "WEBUI_MEMORY_LIMIT": f"{webui_memory_mib(runtime)}MiB",
        **runtime.extra_env,
        "ENVIRONMENT": environment.name,
        "RUNTIME": runtime.name,
        **resources,
        "MODELS_DIRECTORY": MODELS_DIRECTORY,
        "MODEL_FILENAME": runtime.model_filename or "",
        "MODELS_MAX_BYTES": f"{models_mib(runtime, engine=environment.engine)}MiB",
        "MODELS_STATE_FILE": MODELS_STATE_FILE,
        # Empty selects the public one.
        "HF_ENDPOINT": "",
        **_engine_variables(runtime, environment),
        **_webui_variables(runtime),
        "RETENTION_SECONDS": str(environment.retention_seconds),
        "VISIBILITY_TIMEOUT_SECONDS": str(runtime.visibility_timeout_seconds),
        # A new output is the likeliest input of the next task. The edge checks the owner of outputs and uploads.
        "LINK_BUCKETS": json.dumps(
            [*environment.link_buckets, resources["OUTPUT_BUCKET"], f"{resources['TASK_BUCKET']}/{UPLOAD_FOLDER}/"]
        ),
        "LIMITS": runtime.limits.model_dump_json(exclude_defaults=True),
        "ALLOWED_OPTIONS": json.dumps(runtime.allowed_options),
        "ALLOWED_LINK_HOSTS": json.dumps(environment.allowed_link_hosts),
        "HANG_SECONDS": str(runtime.hang_seconds),
        "ORCHESTRATOR": _ORCHESTRATORS[environment.engine],
        "STATUS_FILE": STATUS_FILE,
        "HEALTH_PORT": str(HEALTH_PORT),
        "GRACE_PERIOD_SECONDS": str(runtime.stop_seconds - KILL_MARGIN_SECONDS),
        "LOG_LEVEL": environment.log_level,
    }


def webui_container_environment(runtime: RuntimeConfig, environment: Environment) -> dict[str, str]:
    """Return the variables of the Web UI's container. It runs strangers' work, so it gets nothing about AWS."""
    return {
        **runtime.extra_env,
        **_webui_variables(runtime),
        "WEBUI_HOST_PORT": str(WEBUI_HOST_PORT),
        "LOG_LEVEL": environment.log_level,
    }


def _engine_variables(runtime: RuntimeConfig, environment: Environment) -> dict[str, str]:
    if runtime.type == "sdwebui":
        return {"RUNTIME_TYPE": runtime.type, "WEBUI_URL": WEBUI_URL}
    return {
        "RUNTIME_TYPE": runtime.type,
        "PRELOAD": json.dumps(runtime.preload),
        "COMFYUI_URL": COMFYUI_URL,
        "COMFYUI_INPUT_FOLDER": f"{EXCHANGE_FOLDER}/input",
        "COMFYUI_OUTPUT_FOLDER": f"{EXCHANGE_FOLDER}/output",
        "COMFYUI_TEMP_FOLDER": f"{EXCHANGE_FOLDER}/temp",
        "COMFYUI_MAX_BYTES": f"{replica_disk_gib(runtime, engine=environment.engine)}GiB",
        "ALLOWED_NODES": json.dumps(runtime.allowed_nodes),
        "DISALLOWED_NODES": json.dumps(runtime.disallowed_nodes),
        "API_NODES": str(runtime.api_nodes).lower(),
    }


def _webui_variables(runtime: RuntimeConfig) -> dict[str, str]:
    return {
        # The engine appends them to the command line of the image.
        "COMMANDLINE_ARGS": shlex.join([*(["--api-nodes"] if runtime.api_nodes else []), *runtime.webui_arguments]),
        "WEBUI_VARIABLES": json.dumps(list(runtime.extra_env)),
    }
