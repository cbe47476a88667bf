"""Agents without a container: the same program that runs next to the engine in a runtime's container."""

import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from local.aws.clients import LocalAwsClients
from local.context import LocalContext
from local.processes.restarting_process import RestartingProcess
from runtime_image.agent.settings import AgentSettings
from stacks.config import Environment, RuntimeConfig
from stacks.constructs.runtime.environment_variables import runtime_environment

#: Seconds from SIGTERM in which an agent finishes its tasks. On AWS a spot interruption leaves as much.
GRACE_PERIOD_SECONDS: Final = 20


def engine_variables(url: str, *, comfyui_directory: Path | None = None) -> dict[str, str]:
    """Return the variables of supervisor and agent about their engine. A ComfyUI shares a directory with them."""
    if comfyui_directory is None:
        return {"WEBUI_URL": url}
    # An own ComfyUI may keep them elsewhere, by links.
    folders = {
        f"COMFYUI_{name.upper()}_FOLDER": str((comfyui_directory / name).resolve())
        for name in ("input", "output", "temp")
    }
    return {"RUNTIME_TYPE": "comfyui", "COMFYUI_URL": url, **folders}


def engine_url(variables: Mapping[str, str]) -> str:
    """Return the URL of the engine in the variables of a container or an agent."""
    return variables["COMFYUI_URL"] if variables.get("RUNTIME_TYPE") == "comfyui" else variables["WEBUI_URL"]


def container_environment(
    runtime: RuntimeConfig,
    environment: Environment,
    *,
    outputs: Mapping[str, Any],
    engine: Mapping[str, str],
    folder: Path,
    clients: LocalAwsClients,
) -> dict[str, str]:
    """Return the variables of a container of `runtime` that keeps its models and its state in `folder`.

    `engine` is what `engine_variables` returns.
    """
    resources = {
        "QUEUE_URL": outputs[f"Runtime{runtime.pascal_name}QueueUrl"],
        "LOW_PRIORITY_QUEUE_URL": outputs[f"Runtime{runtime.pascal_name}LowPriorityQueueUrl"],
        "TASK_TABLE": outputs["TaskTableName"],
        "TASK_BUCKET": outputs["TaskBucketName"],
        "OUTPUT_BUCKET": outputs["OutputBucketName"],
        "MODEL_BUCKET": outputs["ModelBucketName"],
    }
    return {
        **runtime_environment(runtime, environment, resources),
        **engine,
        "MODELS_DIRECTORY": str(folder / "models"),
        "MODELS_STATE_FILE": str(folder / "models.json"),
        "STATUS_FILE": str(folder / "agent-status.json"),
        # Several containers share one machine, so each of them chooses a free port.
        "HEALTH_PORT": "0",
        "GRACE_PERIOD_SECONDS": str(GRACE_PERIOD_SECONDS),
        **clients.environment(),
    }


def agent_environment(container_environment: Mapping[str, str]) -> dict[str, str]:
    """Return those of a container's variables that an agent without a supervisor needs."""
    needed = {
        name: value
        for name, value in container_environment.items()
        if name in AgentSettings.variables() or name.startswith("AWS_")
    }
    # The agent downloads no models, because its engine has all models of the machine already.
    return needed | {"STATUS_FILE": "", "MODEL_BUCKET": ""}


async def start_agent(name: str, environment: Mapping[str, str], context: LocalContext) -> RestartingProcess:
    """Start an agent that starts again when it ends."""
    start = partial(
        context.start_process,
        [sys.executable, "-m", "runtime_image.agent"],
        name=f"agent {name}",
        log_name=f"agent-{name}",
        environment={"PATH": os.defpath, "PYTHONUNBUFFERED": "1", **environment},
    )
    return RestartingProcess(await start(), start=start, console=context.console)
