"""Services, nodes and containers of the replicas on ECS."""

from typing import Any

from tests.infrastructure.templates import Templates


def replica_of(templates: Templates, runtime: str, *, name: str = "runtime") -> dict[str, Any]:
    """A container of a runtime's replicas."""
    (definition,) = [
        item.properties
        for item in templates.resources("AWS::ECS::TaskDefinition")
        if item.properties["Family"] == f"darkroom-{templates.environment.name}-{runtime}"
    ]
    return container_named(definition, name)


def container_named(definition: dict[str, Any], name: str) -> dict[str, Any]:
    container: dict[str, Any]
    (container,) = [item for item in definition["ContainerDefinitions"] if item["Name"] == name]
    return container


def services_of(templates: Templates) -> dict[str, dict[str, Any]]:
    return {item.properties["ServiceName"]: item.properties for item in templates.resources("AWS::ECS::Service")}


def group_of(templates: Templates, service: str) -> dict[str, Any]:
    """The Auto Scaling group under a service."""
    (item,) = services_of(templates)[service]["CapacityProviderStrategy"]
    provider = templates.named(templates.flat(item["CapacityProvider"]), "AWS::ECS::CapacityProvider").properties
    group_name = templates.flat(provider["AutoScalingGroupProvider"]["AutoScalingGroupArn"])
    group: dict[str, Any] = templates.named(group_name, "AWS::AutoScaling::AutoScalingGroup").properties
    return group


def node_of(templates: Templates, service: str) -> dict[str, Any]:
    """The launch template of a service's nodes."""
    specification = group_of(templates, service)["MixedInstancesPolicy"]["LaunchTemplate"]
    name = templates.flat(specification["LaunchTemplateSpecification"]["LaunchTemplateId"])
    data: dict[str, Any] = templates.named(name, "AWS::EC2::LaunchTemplate").properties["LaunchTemplateData"]
    return data
