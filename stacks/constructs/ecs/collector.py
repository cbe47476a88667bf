"""The collector beside a replica that is traced: takes the agent's spans over HTTP and hands them to X-Ray."""

import json
from typing import Final

from aws_cdk import Aws, aws_ecs

#: AWS's build of OpenTelemetry's collector.
IMAGE: Final = "public.ecr.aws/aws-observability/aws-otel-collector:v0.43.3"
CONTAINER: Final = "collector"
#: Where the agent sends its spans (`OTEL_EXPORTER_OTLP_ENDPOINT`); containers of a task share the address.
ENDPOINT: Final = "http://127.0.0.1:4318"
#: MiB and ECS's units of a processor. Spans are a few kilobytes for each task.
MEMORY_MIB: Final = 192
CPU: Final = 64
_CONFIGURATION: Final = {
    "receivers": {"otlp": {"protocols": {"http": {"endpoint": ENDPOINT.removeprefix("http://")}}}},
    "processors": {"batch": {"timeout": "5s"}},
    # Metrics of its own calls are another right that nobody needs.
    "exporters": {"awsxray": {"telemetry": {"enabled": False}}},
    "service": {"pipelines": {"traces": {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["awsxray"]}}},
}


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
            kind.KeyValuePairProperty(name="AOT_CONFIG_CONTENT", value=json.dumps(_CONFIGURATION)),
            kind.KeyValuePairProperty(name="AWS_REGION", value=Aws.REGION),
        ],
        memory=MEMORY_MIB,
        cpu=CPU,
        readonly_root_filesystem=True,
        privileged=False,
        linux_parameters=kind.LinuxParametersProperty(capabilities=kind.KernelCapabilitiesProperty(drop=["ALL"])),
        log_configuration=logs,
    )
