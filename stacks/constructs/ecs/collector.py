"""The collector of traces as a container of an ECS task."""

from typing import Final

from aws_cdk import Aws, aws_ecs

from stacks.constructs.trace_collector import CONTAINER, IMAGE, MEMORY_MIB, collector_variables

#: ECS's units of a processor.
CPU: Final = 64


def collector(
    logs: aws_ecs.CfnTaskDefinition.LogConfigurationProperty,
) -> aws_ecs.CfnTaskDefinition.ContainerDefinitionProperty:
    """Return the container. A replica works on without it."""
    kind = aws_ecs.CfnTaskDefinition
    return kind.ContainerDefinitionProperty(
        name=CONTAINER,
        image=IMAGE,
        essential=False,
        environment=[
            kind.KeyValuePairProperty(name=name, value=value) for name, value in collector_variables(Aws.REGION).items()
        ],
        memory=MEMORY_MIB,
        cpu=CPU,
        readonly_root_filesystem=True,
        privileged=False,
        linux_parameters=kind.LinuxParametersProperty(capabilities=kind.KernelCapabilitiesProperty(drop=["ALL"])),
        log_configuration=logs,
    )
