"""The agents of the local system, the same program that runs beside the Web UI in a runtime's container."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from local.aws.clients import AwsClients
from local.console import Console
from local.processes.process_group import LocalProcess, ProcessGroup
from local.processes.restarting_process import RestartingProcess
from runtime_image.agent.settings import AgentSettings
from stacks.config import Environment, RuntimeConfig
from stacks.constructs.runtime_environment import RuntimeResources, runtime_environment

#: Seconds that an agent gets to finish when it is told to stop; on AWS it is what a spot interruption leaves.
GRACE_PERIOD_SECONDS: Final = 20


def container_environment(
    runtime: RuntimeConfig,
    environment: Environment,
    *,
    outputs: Mapping[str, Any],
    webui_url: str,
    folder: Path,
    clients: AwsClients,
) -> dict[str, str]:
    """Return the variables of a container of `runtime` that keeps its models and its state in `folder`."""
    resources = RuntimeResources(
        queue_url=outputs[f"Runtime{runtime.pascal_name}QueueUrl"],
        low_priority_queue_url=outputs[f"Runtime{runtime.pascal_name}LowPriorityQueueUrl"],
        task_table=outputs["TaskTableName"],
        task_bucket=outputs["TaskBucketName"],
        output_bucket=outputs["OutputBucketName"],
        model_bucket=outputs["ModelBucketName"],
    )
    return {
        **runtime_environment(runtime, environment, resources),
        "WEBUI_URL": webui_url,
        "MODELS_DIRECTORY": str(folder / "models"),
        "MODELS_STATE_FILE": str(folder / "models.json"),
        "STATUS_FILE": str(folder / "agent-status.json"),
        # Several containers on one machine: each takes a port that is free.
        "HEALTH_PORT": "0",
        "GRACE_PERIOD_SECONDS": str(GRACE_PERIOD_SECONDS),
        **clients.environment(),
    }


def agent_environment(container_environment: Mapping[str, str]) -> dict[str, str]:
    """Return, of a container's variables, every one that an agent needs which nobody looks after."""
    needed = {
        name: value
        for name, value in container_environment.items()
        if name in AgentSettings.variables() or name.startswith("AWS_")
    }
    # It has no models of its own to fetch: its Web UI is given all of the machine's, or is somebody else's.
    return needed | {"STATUS_FILE": "", "MODEL_BUCKET": ""}


async def start_agent(
    name: str,
    environment: Mapping[str, str],
    *,
    processes: ProcessGroup,
    project: Path,
    logs: Path,
    console: Console,
) -> RestartingProcess:
    """Start an agent that is started again if it ends."""

    async def start() -> LocalProcess:
        return await processes.start(
            [sys.executable, "-m", "runtime_image.agent"],
            name=f"agent {name}",
            log_file=logs / f"agent-{name}.log",
            folder=project,
            environment={"PATH": os.defpath, "PYTHONUNBUFFERED": "1", **environment},
        )

    return RestartingProcess(await start(), start=start, console=console)
