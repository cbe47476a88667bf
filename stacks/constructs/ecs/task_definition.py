"""What a replica is on ECS: one container with its GPUs, without rights on its node, and three writable folders."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import Aws, aws_ecs, aws_iam
from constructs import Construct

from stacks.config import RuntimeConfig
from stacks.constructs.acknowledgement import acknowledge
from stacks.constructs.ecs import collector
from stacks.constructs.ecs.node_start import ENDING_FILE, NOTICE_FOLDER
from stacks.constructs.log_group import TaskLogGroup
from stacks.constructs.replica_limits import USER_ID, WRITABLE_FOLDERS, replica_memory_mib, replica_millicpus
from stacks.constructs.trace_collector import ENDPOINT, ENDPOINT_VARIABLE

CONTAINER: Final = "runtime"
#: Where a replica finds what its node has to say.
NODE_FOLDER: Final = "/run/node"
#: ECS's units of a processor.
CPU_UNITS: Final = 1_024
#: As the image's own health check, which ECS does not look at.
HEALTH_CHECK: Final = ("/opt/agent-environment/bin/python", "-m", "runtime_image.supervisor.health_check")
#: Logs that wait in memory while CloudWatch is slow; beyond that they are dropped rather than hold up the replica.
LOG_BUFFER: Final = "25m"
#: Files that a process may have open; a Web UI with many models in use exceeds the usual 1,024.
MAX_OPEN_FILES: Final = 65_536


def task_definition(
    scope: Construct,
    id_: str,
    *,
    runtime: RuntimeConfig,
    family: str,
    image: str,
    variables: Mapping[str, str],
    log_group: TaskLogGroup,
    tracing: bool,
    task_role: aws_iam.Role,
    execution_role: aws_iam.Role,
) -> aws_ecs.CfnTaskDefinition:
    """Make the task definition."""
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
    beside = [collector.collector(logs)] if tracing else []
    variables = {
        **variables,
        # Only the newest of ECS's agents set these on EC2, and without them no AWS client can be made.
        "AWS_REGION": Aws.REGION,
        "AWS_DEFAULT_REGION": Aws.REGION,
        "ENDING_FILE": f"{NODE_FOLDER}/{ENDING_FILE}",
    }
    if tracing:
        variables[ENDPOINT_VARIABLE] = ENDPOINT
    container = kind.ContainerDefinitionProperty(
        name=CONTAINER,
        image=image,
        essential=True,
        environment=[kind.KeyValuePairProperty(name=name, value=value) for name, value in variables.items()],
        secrets=[kind.SecretProperty(name=name, value_from=arn) for name, arn in runtime.secrets.items()],
        # More memory than this is a leak: better that the Web UI is restarted than that the node fails.
        memory=replica_memory_mib(runtime),
        cpu=replica_millicpus(runtime) * CPU_UNITS // 1_000,
        resource_requirements=[kind.ResourceRequirementProperty(type="GPU", value=str(runtime.gpus_per_replica))],
        # EC2 has no upper limit for this; Fargate's would be two minutes.
        stop_timeout=runtime.stop_seconds,
        user=f"{USER_ID}:{USER_ID}",
        readonly_root_filesystem=True,
        privileged=False,
        docker_security_options=["no-new-privileges"],
        linux_parameters=kind.LinuxParametersProperty(capabilities=kind.KernelCapabilitiesProperty(drop=["ALL"])),
        ulimits=[kind.UlimitProperty(name="nofile", soft_limit=MAX_OPEN_FILES, hard_limit=MAX_OPEN_FILES)],
        mount_points=[
            kind.MountPointProperty(source_volume=name, container_path=path, read_only=False)
            for name, path in WRITABLE_FOLDERS.items()
        ]
        + [kind.MountPointProperty(source_volume="node", container_path=NODE_FOLDER, read_only=True)],
        health_check=kind.HealthCheckProperty(
            command=["CMD", *HEALTH_CHECK], interval=15, timeout=5, retries=6, start_period=120
        ),
        log_configuration=logs,
        # Stopped before it, so that the last spans are sent.
        depends_on=[kind.ContainerDependencyProperty(container_name=item.name, condition="START") for item in beside],
    )
    definition = kind(
        scope,
        id_,
        family=family,
        requires_compatibilities=["EC2"],
        # Each replica has an address and a security group of its own.
        network_mode="awsvpc",
        task_role_arn=task_role.role_arn,
        execution_role_arn=execution_role.role_arn,
        container_definitions=[container, *beside],
        # Docker makes such a volume with the owner that the folder has in the image, and it ends with the task.
        volumes=[
            kind.VolumeProperty(
                name=name,
                docker_volume_configuration=kind.DockerVolumeConfigurationProperty(scope="task", driver="local"),
            )
            for name in WRITABLE_FOLDERS
        ]
        + [kind.VolumeProperty(name="node", host=kind.HostVolumePropertiesProperty(source_path=NOTICE_FOLDER))],
    )
    acknowledge(
        definition,
        "AwsSolutions-ECS2",
        "The variables are names and numbers; whoever may read the task definition may know them, and nothing secret is"
        " among them",
    )
    return definition
