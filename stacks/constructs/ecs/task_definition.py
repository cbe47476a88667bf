"""Task definition of a replica on ECS: an agent with three writable folders, and a Web UI with GPUs, without keys."""

from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import Aws, aws_ecs, aws_iam
from constructs import Construct

from stacks.config import RuntimeConfig
from stacks.constructs.ecs.user_data import ENDING_FILE, NOTICE_FOLDER
from stacks.constructs.nag_suppressions import suppress
from stacks.constructs.retention import TaskLogGroup
from stacks.constructs.runtime import trace_collector
from stacks.constructs.runtime.environment_variables import WITHOUT_WEBUI
from stacks.constructs.runtime.images import WEBUI_HOST_COMMAND
from stacks.constructs.runtime.replica_limits import (
    MODELS_DIRECTORY,
    MODELS_VOLUME,
    USER_ID,
    WEBUI_FOLDER_MIB,
    WEBUI_FOLDERS,
    WEBUI_USER_ID,
    WRITABLE_FOLDERS,
    container_shares,
    shared_folders,
)

CONTAINER: Final = "runtime"
WEBUI_CONTAINER: Final = "webui"
#: Folder in which a replica reads its node's notices.
NODE_FOLDER: Final = "/run/node"
#: ECS's units of one processor.
CPU_UNITS: Final = 1_024
#: The image's own health check, which ECS does not use by itself.
HEALTH_CHECK: Final = ("/opt/agent-environment/bin/python", "-m", "runtime_image.supervisor.health_check")
#: Buffer of logs while CloudWatch is slow. Beyond it logs are dropped, because they must not block the replica.
LOG_BUFFER: Final = "25m"
#: Open files of a process. A Web UI that uses many models exceeds the usual 1,024.
MAX_OPEN_FILES: Final = 65_536
#: CPU units of the trace collector.
COLLECTOR_CPU_UNITS: Final = 64
_NO_CAPABILITIES: Final = aws_ecs.CfnTaskDefinition.KernelCapabilitiesProperty(drop=["ALL"])


def task_definition(
    scope: Construct,
    id_: str,
    *,
    runtime: RuntimeConfig,
    family: str,
    image: str,
    variables: Mapping[str, str],
    webui_variables: Mapping[str, str],
    log_group: TaskLogGroup,
    tracing: bool,
    task_role: aws_iam.Role,
    execution_role: aws_iam.Role,
) -> aws_ecs.CfnTaskDefinition:
    """Create the task definition."""
    kind = aws_ecs.CfnTaskDefinition
    logs = kind.LogConfigurationProperty(
        log_driver="awslogs",
        options={
            "awslogs-group": log_group.log_group_name,
            "awslogs-region": Aws.REGION,
            "awslogs-stream-prefix": runtime.name,
            "mode": "non-blocking",
            "max-buffer-size": LOG_BUFFER,
        },
    )
    share, webui_share = container_shares(runtime)
    confined = _confined(logs, stop_seconds=runtime.stop_seconds)
    webui = kind.ContainerDefinitionProperty(
        **confined,
        name=WEBUI_CONTAINER,
        image=image,
        entry_point=list(WEBUI_HOST_COMMAND),
        command=[],
        environment=_pairs(webui_variables),
        # More memory than this is a leak. A restart of the Web UI is better than a failed node.
        memory=webui_share.memory_mib,
        cpu=webui_share.millicpus * CPU_UNITS // 1_000,
        resource_requirements=[kind.ResourceRequirementProperty(type="GPU", value=str(runtime.gpus_per_replica))],
        user=f"{WEBUI_USER_ID}:{WEBUI_USER_ID}",
        linux_parameters=kind.LinuxParametersProperty(
            capabilities=_NO_CAPABILITIES,
            tmpfs=[kind.TmpfsProperty(container_path=path, size=WEBUI_FOLDER_MIB) for path in WEBUI_FOLDERS.values()],
        ),
        mount_points=[
            kind.MountPointProperty(source_volume=MODELS_VOLUME, container_path=MODELS_DIRECTORY, read_only=True),
            *_writable(shared_folders(runtime)),
        ],
    )
    sidecars = [webui, *([_collector(logs)] if tracing else [])]
    variables = {
        **variables,
        **WITHOUT_WEBUI,
        # Only the newest of ECS's agents set these on EC2, and every AWS client requires them.
        "AWS_REGION": Aws.REGION,
        "AWS_DEFAULT_REGION": Aws.REGION,
        "ENDING_FILE": f"{NODE_FOLDER}/{ENDING_FILE}",
    }
    if tracing:
        variables[trace_collector.ENDPOINT_VARIABLE] = trace_collector.ENDPOINT
    container = kind.ContainerDefinitionProperty(
        **confined,
        name=CONTAINER,
        image=image,
        environment=_pairs(variables),
        secrets=[kind.SecretProperty(name=name, value_from=arn) for name, arn in runtime.secrets.items()],
        memory=share.memory_mib,
        cpu=share.millicpus * CPU_UNITS // 1_000,
        user=f"{USER_ID}:{USER_ID}",
        linux_parameters=kind.LinuxParametersProperty(capabilities=_NO_CAPABILITIES),
        mount_points=[
            *_writable({**WRITABLE_FOLDERS, **shared_folders(runtime)}),
            kind.MountPointProperty(source_volume="node", container_path=NODE_FOLDER, read_only=True),
        ],
        health_check=kind.HealthCheckProperty(
            command=["CMD", *HEALTH_CHECK], interval=15, timeout=5, retries=6, start_period=120
        ),
        # The agent stops before the Web UI, which its tasks still need, and before the collector of its last spans.
        depends_on=[kind.ContainerDependencyProperty(container_name=item.name, condition="START") for item in sidecars],
    )
    definition = kind(
        scope,
        id_,
        family=family,
        requires_compatibilities=["EC2"],
        # Each replica has its own address and security group.
        network_mode="awsvpc",
        task_role_arn=task_role.role_arn,
        execution_role_arn=execution_role.role_arn,
        container_definitions=[container, *sidecars],
        # Docker gives such a volume the owner of the folder in the image. ECS's agent removes it after the task
        # (`user_data`).
        volumes=[
            kind.VolumeProperty(
                name=name,
                docker_volume_configuration=kind.DockerVolumeConfigurationProperty(scope="task", driver="local"),
            )
            for name in (*WRITABLE_FOLDERS, *shared_folders(runtime))
        ]
        + [kind.VolumeProperty(name="node", host=kind.HostVolumePropertiesProperty(source_path=NOTICE_FOLDER))],
    )
    suppress(
        definition,
        "AwsSolutions-ECS2",
        "The variables are names and numbers, and no secret is among them, so every reader of the task definition may"
        " know them",
    )
    return definition


def _confined(logs: aws_ecs.CfnTaskDefinition.LogConfigurationProperty, *, stop_seconds: int) -> dict[str, Any]:
    """Return what both containers of a replica have in common."""
    kind = aws_ecs.CfnTaskDefinition
    return {
        "essential": True,
        # EC2 has no upper limit for this; Fargate's is two minutes.
        "stop_timeout": stop_seconds,
        "readonly_root_filesystem": True,
        "privileged": False,
        "docker_security_options": ["no-new-privileges"],
        "ulimits": [kind.UlimitProperty(name="nofile", soft_limit=MAX_OPEN_FILES, hard_limit=MAX_OPEN_FILES)],
        "log_configuration": logs,
    }


def _writable(folders: Mapping[str, str]) -> list[aws_ecs.CfnTaskDefinition.MountPointProperty]:
    kind = aws_ecs.CfnTaskDefinition.MountPointProperty
    return [kind(source_volume=name, container_path=path, read_only=False) for name, path in folders.items()]


def _pairs(variables: Mapping[str, str]) -> list[aws_ecs.CfnTaskDefinition.KeyValuePairProperty]:
    kind = aws_ecs.CfnTaskDefinition.KeyValuePairProperty
    return [kind(name=name, value=value) for name, value in variables.items()]


def _collector(
    logs: aws_ecs.CfnTaskDefinition.LogConfigurationProperty,
) -> aws_ecs.CfnTaskDefinition.ContainerDefinitionProperty:
    """Return the container of the trace collector. A replica continues without it."""
    kind = aws_ecs.CfnTaskDefinition
    variables = trace_collector.collector_variables(Aws.REGION)
    return kind.ContainerDefinitionProperty(
        name=trace_collector.CONTAINER,
        image=trace_collector.IMAGE,
        essential=False,
        environment=[kind.KeyValuePairProperty(name=name, value=value) for name, value in variables.items()],
        memory=trace_collector.MEMORY_MIB,
        cpu=COLLECTOR_CPU_UNITS,
        readonly_root_filesystem=True,
        privileged=False,
        linux_parameters=kind.LinuxParametersProperty(capabilities=_NO_CAPABILITIES),
        log_configuration=logs,
    )
